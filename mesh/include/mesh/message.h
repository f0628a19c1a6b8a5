/* Messages: bytes with ports and handles that travel along.
 *
 * A message is made raw (mesh_message_create) or packed from a protobuf-c
 * struct by the sending calls of channel.h and rpc.h, and is taken apart by
 * mesh_message_data or mesh_message_unpack. It has one owner; sending takes
 * it. Destroying it closes every port and handle that was not taken out.
 *
 * Typed messages are ordinary .proto files compiled by protoc-c. A field of
 * type mesh.Port or mesh.Handle (mesh/mesh.proto) carries a port or handle.
 * Its `slot` points to the variable that owns it:
 *
 *   Mesh__Port reply = MESH__PORT__INIT;
 *   reply.slot = mesh_port_slot(&port);     port: mesh_port_t *
 *   call.reply = &reply;
 *   mesh_send(sender, &call.base);          port is NULL now if it was sent
 *
 * In a received message the slot points into the message:
 *
 *   port = mesh_port_take(call->reply->slot);
 *
 * so a received field can also be put into another message as it is.
 * How .proto files map to the wire is said in docs/PROTOCOL.md section 5.
 *
 * Threads: a message by one thread at a time. */
#ifndef MESH_MESSAGE_H
#define MESH_MESSAGE_H

#include <protobuf-c/protobuf-c.h>

#include <mesh/types.h>

#include <pal/handle.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Largest message, in bytes, and most ports and handles in one. Of handles at
 * most MESH_MAX_HANDLES, if the message goes to another process. */
#define MESH_MAX_MESSAGE ((apr_size_t)1 << 30)
#define MESH_MAX_RESOURCES 1024
#define MESH_MAX_HANDLES 63

/* A message with a copy of `len` bytes. `data` may be NULL: the bytes are
 * then for the caller to fill in (mesh_message_data).
 * Errors: APR_ENOMEM, MESH_E_LIMIT. */
apr_status_t mesh_message_create(mesh_message_t **ret_message,
                                 const void *data, apr_size_t len);

/* Add a port or handle behind those already there.
 * Ownership: taken on success, the variable is then NULL or NONE.
 * Errors: APR_ENOMEM, MESH_E_LIMIT, APR_EINVAL if there is none. */
apr_status_t mesh_message_port_put(mesh_message_t *message,
                                   mesh_port_t **port);
apr_status_t mesh_message_handle_put(mesh_message_t *message,
                                     pal_handle_t *handle);

/* The bytes, as long as the message lives. */
void *mesh_message_data(mesh_message_t *message, apr_size_t *ret_len);

/* The ports and handles: how many, and take the one at `index`.
 * Ownership: the caller's.
 * Errors: MESH_E_RESOURCE if it is of the other kind, taken, or absent. */
int mesh_message_n_resources(mesh_message_t *message);
apr_status_t mesh_message_port_take(mesh_message_t *message, int index,
                                    mesh_port_t **ret_port);
apr_status_t mesh_message_handle_take(mesh_message_t *message, int index,
                                      pal_handle_t *ret_handle);

/* Make a message of a protobuf-c struct, as it is (no channel around it).
 * Ownership: ports and handles in it are taken on success only.
 * Errors: MESH_E_RESOURCE: a port or handle field is empty;
 * MESH_E_MISSING, MESH_E_DEPTH, MESH_E_LIMIT; MESH_E_VALUE: a string is not
 * UTF-8; APR_ENOMEM. */
apr_status_t mesh_message_pack(mesh_message_t **ret_message,
                               const ProtobufCMessage *value);

/* The message as a protobuf-c struct of type `type`. A message that came by
 * a channel or oneshot is taken out of it first. The struct belongs to the
 * message and lives as long; bytes fields point into it.
 * Errors: MESH_E_TRUNCATED, MESH_E_WIRE, MESH_E_RESOURCE, MESH_E_MISSING,
 * MESH_E_DEPTH, MESH_E_VALUE: the sender broke the agreement; MESH_E_LIMIT:
 * it would take more memory than 4 MiB + 8 times its size; APR_ENOMEM. */
apr_status_t mesh_message_unpack(mesh_message_t *message,
                                 const ProtobufCMessageDescriptor *type,
                                 ProtobufCMessage **ret_value);

/* The same for channels and oneshots of something that is not a message
 * (numbers, strings, a port): `type` has the value as its field 1. */
apr_status_t mesh_message_unpack_boxed(mesh_message_t *message,
                                       const ProtobufCMessageDescriptor *type,
                                       ProtobufCMessage **ret_box);

/* Destroy it with all that is still in it. Nothing happens for NULL. */
void mesh_message_destroy(mesh_message_t **message);

/* Slots of mesh.Port and mesh.Handle fields. The variable must stay where it
 * is until the message is sent. `take` empties the slot; NULL or NONE if it
 * is empty already. */
apr_uint64_t mesh_port_slot(mesh_port_t **port);
apr_uint64_t mesh_handle_slot(pal_handle_t *handle);
mesh_port_t *mesh_port_take(apr_uint64_t slot);
pal_handle_t mesh_handle_take(apr_uint64_t slot);

#ifdef __cplusplus
}
#endif
#endif
