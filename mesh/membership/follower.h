/* A follower: a node that joined by an invitation (docs/PROTOCOL.md 4.2). It
 * asks the leader for links to other nodes when it needs them. */
#ifndef MESH_FOLLOWER_H
#define MESH_FOLLOWER_H

#include "invitation.h"
#include "node.h"

#include <pal/handle.h>

/* Join: make the node, connect, and wait for the ports from the leader.
 * Ownership: *end is always taken; node and port are the caller's.
 * Errors: APR_TIMEUP; MESH_E_FAILED, MESH_E_CLOSED: the leader is gone; what
 * it sent is against the protocol: MESH_E_PROTOCOL and those of
 * mesh_message_unpack; those of pal_channel_open; APR_ENOMEM. */
apr_status_t mesh__follower_join(mesh_node_t **ret_node,
                                 const mesh__invitation_t *invitation,
                                 pal_handle_t *end, pal_loop_t *loop,
                                 pal_log_t *log, apr_interval_time_t timeout,
                                 mesh_port_t **ret_user, apr_pool_t *pool);

#endif
