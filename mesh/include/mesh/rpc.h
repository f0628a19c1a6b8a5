/* Calls: a request that carries the port for its reply.
 *
 * A reply port is a oneshot: one message, then closed. The caller makes a
 * pair, puts one end into the request, and waits at the other:
 *
 *   mesh_port_pair(node, &reply_tx, &reply_rx);
 *   slot.slot = mesh_port_slot(&reply_tx);
 *   request.reply = &slot;
 *   mesh_send(sender, &request.base);
 *   mesh_oneshot_recv(&reply_rx, timeout, &message);
 *
 * The callee takes the port out of the request and answers with
 * mesh_oneshot_send, or, where the two agreed on answers that can be errors,
 * with mesh_reply or mesh_reply_error. A callee that closes the port gives
 * the caller MESH_E_CLOSED; one that dies, MESH_E_FAILED.
 *
 * Threads: see node.h. */
#ifndef MESH_RPC_H
#define MESH_RPC_H

#include <mesh/port.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Send the one message and close the port.
 * Ownership: *port is taken on success only; what is in the struct too.
 * Errors: as mesh_message_pack and mesh_port_send. */
apr_status_t mesh_oneshot_send(mesh_port_t **port,
                               const ProtobufCMessage *value);

/* The same for a boxed value: `box` has it as its field 1. */
apr_status_t mesh_oneshot_send_boxed(mesh_port_t **port,
                                     const ProtobufCMessage *box);

/* Wait for the message, then close the port. `timeout` 0: do not wait.
 * Ownership: *port is taken unless the status is APR_TIMEUP, MESH_E_REENTRANT
 * or MESH_E_STOPPING; the message is the caller's.
 * Errors: MESH_E_CLOSED: closed without a message; MESH_E_FAILED: the process
 * is lost; and those of mesh_port_recv. */
apr_status_t mesh_oneshot_recv(mesh_port_t **port, apr_interval_time_t timeout,
                               mesh_message_t **ret_message);

/* Have `fn` called once on the node's loop with the message, or with NULL and
 * why there is none. Closing the port before that ends it.
 * Ownership: the port stays the caller's until `fn` is called, which gets it
 * closed; `fn` owns the message. */
typedef void (*mesh_oneshot_fn_t)(void *baton, apr_status_t status,
                                  mesh_message_t *message);
apr_status_t mesh_oneshot_ready_set(mesh_port_t *port, mesh_oneshot_fn_t fn,
                                    void *baton);

/* Answer a call that can fail: with a value (a struct, which goes under
 * `ok`), or with an error: a chain of `n` texts, outermost first, at most 64
 * of at most 4096 bytes, UTF-8.
 * Ownership: *port is taken on success only. */
apr_status_t mesh_reply(mesh_port_t **port, const ProtobufCMessage *value);
apr_status_t mesh_reply_error(mesh_port_t **port, const char *const *texts,
                              int n);

/* Take the answer of such a call apart: the value, or MESH_E_REMOTE and the
 * chain of texts, which live as long as the message. */
apr_status_t mesh_answer(mesh_message_t *message,
                         const ProtobufCMessageDescriptor *type,
                         ProtobufCMessage **ret_value,
                         const char *const **ret_texts, int *ret_n);

#ifdef __cplusplus
}
#endif
#endif
