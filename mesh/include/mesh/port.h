/* Ports: raw two-way channels. What is sent on one end of a pair comes out of
 * the other, in order, wherever the two ends are.
 *
 * Life cycle: mesh_port_pair; keep one end, put the other into a message
 * (message.h) or bridge it; send and receive; mesh_port_close. An end can be
 * sent on at any time, with messages under way in both directions: none is
 * lost, repeated or reordered.
 *
 * A port ends when the other end is closed (MESH_E_CLOSED after the last
 * message) or fails (MESH_E_FAILED) because its process died or broke the
 * protocol. What is sent after that is dropped without an error, as it could
 * have been lost on its way just as well.
 *
 * channel.h has one-way typed channels on top. Threads: see node.h. */
#ifndef MESH_PORT_H
#define MESH_PORT_H

#include <apr_time.h>

#include <mesh/message.h>
#include <mesh/node.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Two connected ends. Errors: APR_ENOMEM. */
apr_status_t mesh_port_pair(mesh_node_t *node, mesh_port_t **ret_a,
                            mesh_port_t **ret_b);

/* Send. Does not block.
 * Ownership: *message is taken, and NULL, on success only.
 * Errors: MESH_E_BUSY: too much waits for the process at the other end, see
 * mesh_port_writable_set; MESH_E_LIMIT: more than MESH_MAX_HANDLES handles
 * for another process; APR_EINVAL: the message holds the port itself;
 * APR_EMFILE, APR_ENOMEM: nothing was sent. */
apr_status_t mesh_port_send(mesh_port_t *port, mesh_message_t **message);

/* The same for bytes without ports or handles. */
apr_status_t mesh_port_send_bytes(mesh_port_t *port, const void *data,
                                  apr_size_t len);

/* Send a last message and close the port, in one step.
 * Ownership: both are taken on success only. */
apr_status_t mesh_port_send_last(mesh_port_t **port, mesh_message_t **message);

/* Receive. `timeout` 0: do not wait; < 0: no limit.
 * Ownership: the message is the caller's.
 * Errors: APR_TIMEUP; MESH_E_CLOSED, MESH_E_FAILED: no message is left and
 * none will come; MESH_E_STOPPING: see host.h; MESH_E_REENTRANT. */
apr_status_t mesh_port_recv(mesh_port_t *port, apr_interval_time_t timeout,
                            mesh_message_t **ret_message);

/* Have `fn` called on the node's loop when there is something to receive: a
 * message, or the end. `fn` receives with timeout 0 until APR_TIMEUP; what it
 * leaves makes no further call by itself. Replaces an earlier one; NULL ends
 * it. If something is waiting already, the call comes soon, not from here.
 * Blocking receives on the same port meanwhile are not useful. On another
 * thread than the loop's: a call that has begun may still be running. */
typedef void (*mesh_port_fn_t)(void *baton, mesh_port_t *port);
apr_status_t mesh_port_ready_set(mesh_port_t *port, mesh_port_fn_t fn,
                                 void *baton);

/* Have `fn` called once on the node's loop when, after MESH_E_BUSY, sending
 * may succeed again or the port has ended. */
apr_status_t mesh_port_writable_set(mesh_port_t *port, mesh_port_fn_t fn,
                                    void *baton);

/* APR_SUCCESS while both ends are open, else MESH_E_CLOSED or MESH_E_FAILED,
 * whatever is still unread. */
apr_status_t mesh_port_status(mesh_port_t *port);

/* What was received is against the agreement: fail the port at both ends. It
 * still is to be closed. */
void mesh_port_fail(mesh_port_t *port);

/* Let go. The other end sees MESH_E_CLOSED after the last message. Unread
 * messages are destroyed. Nothing happens for NULL. */
void mesh_port_close(mesh_port_t **port);

/* Join the other end of *a with the other end of *b, with all that is
 * unread; this process is then out of the way.
 * Ownership: both are taken on success only.
 * Errors: MESH_E_CIRCULAR, APR_ENOMEM. */
apr_status_t mesh_port_bridge(mesh_port_t **a, mesh_port_t **b);

/* The node it belongs to. */
mesh_node_t *mesh_port_node(mesh_port_t *port);

#ifdef __cplusplus
}
#endif
#endif
