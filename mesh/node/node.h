/* The node as the rest of mesh sees it: the lock, the table of links to other
 * nodes, and waiting.
 *
 * Every input to the core is made under the node's one lock and followed by
 * mesh__node_drain, which carries the core's outputs out: messages to links,
 * readiness to ports, dropped messages to their end. User code is never
 * called under the lock: callbacks are queued and delivered by
 * mesh__node_dispatch on the loop's thread.
 *
 * Links hang in by a table of functions, so that tests can put a simulated
 * network in their place. */
#ifndef MESH_NODE_NODE_H
#define MESH_NODE_NODE_H

#include <mesh/node.h>
#include <mesh/port.h>

#include "core.h"
#include "payload.h"

/* What a link must do. All but `attend` are called with the node's lock held
 * and must not call the node. */
typedef struct mesh__link_ops_t {
    /* Send or queue. Takes *message. A link that can no longer send drops it:
     * the end is reported from the receiving side. */
    void (*send)(void *link, mesh_message_t **message);

    /* May another message of the user's with `n_handles` handles be queued? */
    int (*is_busy)(void *link, int n_handles);

    /* Do for a message what can fail before it is sent, if it needs it. */
    apr_status_t (*prepare)(void *link, mesh_message_t *message);

    /* Send what is queued, then say that no more comes. */
    void (*finish)(void *link);

    /* On the loop's thread, without the lock: the link has asked for it with
     * mesh__node_attend. */
    void (*attend)(void *link);

    /* On the loop's thread, without the lock: free the link. */
    void (*close)(void *link);
} mesh__link_ops_t;

/* What happens to another node. HEARD: its first packet has come. LOST: there
 * is no link any more. On the loop's thread, without the lock. */
typedef enum { MESH__PEER_HEARD, MESH__PEER_LOST } mesh__peer_event_t;
typedef void (*mesh__peer_fn_t)(void *baton, mesh__peer_event_t event);

/* Make a node with a given id (NULL: random). */
apr_status_t mesh__node_create(mesh_node_t **ret_node, const mesh_id_t *id,
                               pal_loop_t *loop, pal_log_t *log,
                               apr_pool_t *pool);

void mesh__node_lock(mesh_node_t *node);
void mesh__node_unlock(mesh_node_t *node);
mesh__core_t *mesh__node_core(mesh_node_t *node);

/* Carry out what the core has put out. Under the lock. */
void mesh__node_drain(mesh_node_t *node);

/* Deliver callbacks that are due. Loop's thread, without the lock. */
void mesh__node_dispatch(mesh_node_t *node);

/* ---- links ---- */

/* A link to `id` is up: what waited for it is sent. `watch` may be NULL.
 * Errors: APR_EEXIST: there is one already; APR_ENOMEM. */
apr_status_t mesh__node_link_add(mesh_node_t *node, const mesh_id_t *id,
                                 const mesh__link_ops_t *ops, void *link,
                                 mesh__peer_fn_t watch, void *baton);

/* The link to `id` if it is one of these, or NULL. Loop's thread. */
void *mesh__node_link_find(mesh_node_t *node, const mesh_id_t *id,
                           const mesh__link_ops_t *ops);

/* Forget the watch. */
void mesh__node_peer_unwatch(mesh_node_t *node, const mesh_id_t *id);

/* An event came in. Takes *message. A status that is not APR_SUCCESS means
 * that the link must be given up. Loop's thread, without the lock. */
apr_status_t mesh__node_received(mesh_node_t *node, const mesh_id_t *from,
                                 mesh_message_t **message);

/* The link to `id` has ended, or will never come: its ports fail. Closes the
 * link. Loop's thread, without the lock. */
void mesh__node_link_lost(mesh_node_t *node, const mesh_id_t *id,
                          apr_status_t why);

/* End the link to `id`, if there is one. */
void mesh__node_link_drop(mesh_node_t *node, const mesh_id_t *id);

/* Is there a link? */
int mesh__node_has_link(mesh_node_t *node, const mesh_id_t *id);

/* Have the link's `attend` called soon. Any thread; under the lock. */
void mesh__node_attend(mesh_node_t *node);

/* A link has room again. Under the lock. */
void mesh__node_writable(mesh_node_t *node);

/* Whom to ask for links to nodes that there is none to. Called on the loop's
 * thread, without the lock, once a node; the answer is mesh__node_link_add or
 * mesh__node_link_lost. Without one, such nodes are lost. Setting it asks anew
 * for all that there is still no link to. */
typedef void (*mesh__need_link_fn_t)(void *baton, const mesh_id_t *id);
void mesh__node_need_link_set(mesh_node_t *node, mesh__need_link_fn_t fn,
                              void *baton);

/* The membership's leader of this node, if it is one. */
void mesh__node_leader_set(mesh_node_t *node, void *leader);
void *mesh__node_leader(mesh_node_t *node);

/* What to close first when the node shuts down or is destroyed (membership).
 */
void mesh__node_ending_set(mesh_node_t *node, void (*fn)(void *baton),
                           void *baton);

/* The node that this one cannot do without, the leader it joined; and why the
 * link to it was given up, APR_SUCCESS as long as it was not. Loop's thread.
 */
void mesh__node_lifeline_set(mesh_node_t *node, const mesh_id_t *id);
apr_status_t mesh__node_lifeline(mesh_node_t *node);

/* A buffer for receiving, MESH__NODE_BUFFER bytes; loop's thread. */
#define MESH__NODE_BUFFER 16384
unsigned char *mesh__node_buffer(mesh_node_t *node);

apr_size_t mesh__node_queue_limit(mesh_node_t *node);
apr_size_t mesh__node_unread_limit(mesh_node_t *node);

/* ---- ports ---- */

/* As mesh_port_ready_set, with a function that is called when the baton is no
 * longer needed: the callback was replaced or the port closed. It comes under
 * the lock and must not call the node. */
apr_status_t mesh__port_ready_set(mesh_port_t *port, mesh_port_fn_t fn,
                                  void *baton, void (*cleanup)(void *baton));

/* Send, close the port with it if `last`. */
apr_status_t mesh__port_send(mesh_port_t *port, mesh_message_t **message,
                             int last);

/* Close all ports that are still held, in order: a host is about to end. */
void mesh__node_close_ports(mesh_node_t *node);

/* Drop the port's callbacks: it goes into a message. */
void mesh__port_unhook(mesh_port_t *port);

/* It was taken out of a message: whoever holds it now hears of it. */
void mesh__port_held(mesh_port_t *port);

/* Receive without waiting: APR_EAGAIN if there is nothing. */
apr_status_t mesh__port_poll(mesh_port_t *port, mesh_message_t **ret_message);

/* ---- waiting ---- */

/* Wait until poll(baton) is not APR_EAGAIN, and return what it says. Called
 * without the lock; `poll` is called without it too, on the calling thread.
 * Errors: APR_TIMEUP, MESH_E_REENTRANT, MESH_E_STOPPING. */
apr_status_t mesh__node_wait(mesh_node_t *node,
                             apr_status_t (*poll)(void *baton), void *baton,
                             apr_interval_time_t timeout);

/* Run the loop until done(baton), whatever else stops it meanwhile.
 * Errors: APR_TIMEUP, PAL_E_REENTRANT. */
apr_status_t mesh__loop_run_until(pal_loop_t *loop, int (*done)(void *baton),
                                  void *baton, apr_interval_time_t timeout);

/* From now on blocking calls return MESH_E_STOPPING, and the loop is stopped.
 */
void mesh__node_stop(mesh_node_t *node);
int mesh__node_is_stopping(mesh_node_t *node);

/* The same taken back, for draining. */
void mesh__node_unstop(mesh_node_t *node);

/* ---- messages ---- */

/* Pack with the given wrap; ports and handles are in the message then. */
apr_status_t mesh__message_pack(mesh_message_t **ret_message,
                                const ProtobufCMessage *value,
                                mesh__wrap_t wrap);

/* Send what mesh__message_pack made. Always takes *message; if it could not
 * be sent, its ports and handles are back where they came from. */
apr_status_t mesh__message_send_packed(mesh_port_t *port,
                                       mesh_message_t **message, int last);

/* Destroy under the lock; ports in it belong to this node. */
void mesh__message_dispose(mesh_node_t *node, mesh_message_t *message);

#endif
