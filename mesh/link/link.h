/* A link: the connection to one other node over a pal channel. One packet is
 * one event (docs/PROTOCOL.md 4.1).
 *
 * Sending is tried at once from the calling thread while nothing waits; what
 * the channel does not take is queued, in order, up to a limit. What the user
 * sends beyond it is MESH_E_BUSY; events of the protocol itself may go on up
 * to twice the limit, then the link fails.
 *
 * The link closes itself through mesh__node_link_lost when the other end is
 * gone or breaks the protocol. */
#ifndef MESH_LINK_H
#define MESH_LINK_H

#include "node.h"

#include <pal/channel.h>
#include <pal/process.h>

/* Start a link to node `id`.
 * Ownership: *end is always taken.
 * Errors: APR_EEXIST: there is a link already; those of pal_channel_open;
 * APR_ENOMEM. */
apr_status_t mesh__link_start(mesh_node_t *node, const mesh_id_t *id,
                              pal_handle_t *end, mesh__peer_fn_t watch,
                              void *baton);

/* Say which process is at the other end of the link to `id`: one that this
 * process launched, or with NULL the one that launched this process. Handles
 * need that where processes pass them to each other themselves. Once, before
 * any handle is sent. Loop's thread.
 * Errors: MESH_E_NODE_LOST: there is no such link; those of
 * pal_channel_peer_process_set. */
apr_status_t mesh__link_peer_set(mesh_node_t *node, const mesh_id_t *id,
                                 pal_process_t *process);

#endif
