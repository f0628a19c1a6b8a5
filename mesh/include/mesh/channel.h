/* Channels: any number of senders, one receiver; messages of one type.
 *
 * A sender or receiver can be sent to another process: turn it into a port
 * (mesh_sender_to_port), put the port into a message, and turn it back there
 * (mesh_sender_from_port). Senders can be cloned; the channel has ended when
 * all are closed. Order is kept per sender.
 *
 * The type is that of a .proto message. For other types (numbers, strings)
 * the "boxed" calls take a struct that has the value as its field 1.
 *
 * Life cycle: mesh_channel_create; send and receive; close both.
 * Threads: see node.h. */
#ifndef MESH_CHANNEL_H
#define MESH_CHANNEL_H

#include <mesh/port.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Senders of one channel at a time; a sender beyond is failed. */
#define MESH_MAX_SENDERS 65536

typedef struct mesh_sender_t mesh_sender_t;
typedef struct mesh_receiver_t mesh_receiver_t;

apr_status_t mesh_channel_create(mesh_node_t *node, mesh_sender_t **ret_sender,
                                 mesh_receiver_t **ret_receiver);

/* Send a value.
 * Ownership: the struct stays the caller's; the ports and handles in it are
 * taken on success only.
 * Errors: as mesh_message_pack and mesh_port_send. */
apr_status_t mesh_send(mesh_sender_t *sender, const ProtobufCMessage *value);

/* Send a boxed value: `box` has it as its field 1, in a oneof (so that 0 is
 * written). */
apr_status_t mesh_send_boxed(mesh_sender_t *sender,
                             const ProtobufCMessage *box);

/* Receive a message, to be unpacked with mesh_message_unpack or
 * mesh_message_unpack_boxed.
 * Errors: as mesh_port_recv: MESH_E_CLOSED when every sender has closed;
 * MESH_E_FAILED when the last sender left has failed. What is no channel
 * payload fails its sender's port; MESH_E_PROTOCOL if that was the last. */
apr_status_t mesh_recv(mesh_receiver_t *receiver, apr_interval_time_t timeout,
                       mesh_message_t **ret_message);

/* Have `fn` called on the node's loop when there is something to receive, as
 * mesh_port_ready_set. */
typedef void (*mesh_receiver_fn_t)(void *baton, mesh_receiver_t *receiver);
apr_status_t mesh_receiver_ready_set(mesh_receiver_t *receiver,
                                     mesh_receiver_fn_t fn, void *baton);

/* Have `fn` called once when, after MESH_E_BUSY, sending may succeed. */
typedef void (*mesh_sender_fn_t)(void *baton, mesh_sender_t *sender);
apr_status_t mesh_sender_writable_set(mesh_sender_t *sender,
                                      mesh_sender_fn_t fn, void *baton);

/* APR_SUCCESS while the receiver is there, else MESH_E_CLOSED or
 * MESH_E_FAILED: what is sent is dropped. */
apr_status_t mesh_sender_status(mesh_sender_t *sender);

/* One more sender of the same channel. Errors: APR_ENOMEM. */
apr_status_t mesh_sender_clone(mesh_sender_t *sender,
                               mesh_sender_t **ret_sender);

void mesh_sender_close(mesh_sender_t **sender);
void mesh_receiver_close(mesh_receiver_t **receiver);

/* To and from ports. Messages that wait at a receiver go with it.
 * Ownership: the first argument's variable is taken on success only. */
apr_status_t mesh_sender_to_port(mesh_sender_t **sender,
                                 mesh_port_t **ret_port);
apr_status_t mesh_sender_from_port(mesh_port_t **port,
                                   mesh_sender_t **ret_sender);
apr_status_t mesh_receiver_to_port(mesh_receiver_t **receiver,
                                   mesh_port_t **ret_port);
apr_status_t mesh_receiver_from_port(mesh_port_t **port,
                                     mesh_receiver_t **ret_receiver);

#ifdef __cplusplus
}
#endif
#endif
