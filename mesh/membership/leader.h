/* The leader: invites nodes into the mesh and connects them with each other
 * (docs/PROTOCOL.md 4.2). mesh_node_create makes a node with one.
 *
 * Threads: the loop's. */
#ifndef MESH_LEADER_H
#define MESH_LEADER_H

#include "invitation.h"
#include "node.h"

#include <pal/handle.h>

/* Rights of an invited node. */
enum { MESH__MAY_CONNECT = 1 };

/* Invite a node: makes its addresses (in *ret_invitation) and the connection,
 * whose other end is for the newcomer, and sends it its ports. `watch` hears
 * of its first packet and its loss.
 * Ownership: *user is taken on success only; *ret_end is the caller's.
 * Errors: APR_EINVAL: the node is no leader; those of pal_channel_pair;
 * APR_ENOMEM. */
apr_status_t mesh__leader_invite(mesh_node_t *node, int rights,
                                 mesh_port_t **user, mesh__peer_fn_t watch,
                                 void *baton,
                                 mesh__invitation_t *ret_invitation,
                                 pal_handle_t *ret_end);

#endif
