/* Typed messages: protobuf-c structs to bytes and resources, and back
 * (docs/PROTOCOL.md 5).
 *
 * Resources live in the message's array, never in the tree; a tree's slot
 * points to the variable or array member that owns the resource. Packing
 * borrows: mesh__payload_commit moves the resources in, and
 * mesh__payload_rollback back out to where they came from, so a failed send
 * loses nothing. Unpacking never touches the array, so a decode that fails
 * halfway has nothing to undo.
 *
 * Threads: a message by one thread at a time. */
#ifndef MESH_PAYLOAD_H
#define MESH_PAYLOAD_H

#include <protobuf-c/protobuf-c.h>

#include <mesh/status.h>

#include "message.h"

#define MESH__MAX_DEPTH 32 /* messages in one another, the outermost too */
#define MESH__MAX_PAYLOAD ((apr_size_t)1 << 30)

/* What stands around the value on the wire. */
typedef enum {
    MESH__WRAP_NONE,    /* the struct's own fields */
    MESH__WRAP_CHANNEL, /* field 1 of a ChannelPayload: always written */
    MESH__WRAP_ONESHOT  /* field 1 of a 1-tuple: left out if empty */
} mesh__wrap_t;

/* Make a message. Its res array names the resources, which are still in the
 * caller's variables, until commit.
 * Errors: as mesh_message_pack. */
apr_status_t mesh__payload_pack(mesh_message_t **ret_message,
                                const ProtobufCMessage *value,
                                mesh__wrap_t wrap);
void mesh__payload_commit(mesh_message_t *message);
void mesh__payload_rollback(mesh_message_t *message);

/* Find the value in a message that came by a channel or oneshot, and remember
 * it in the message (has_value and the fields behind it). For a channel
 * *ret_port is the index of the resource if it is the "one more sender"
 * variant, else -1. An absent oneshot value is an empty one.
 * Errors: MESH_E_TRUNCATED, MESH_E_WIRE, MESH_E_RESOURCE, MESH_E_MISSING,
 * MESH_E_VALUE. */
apr_status_t mesh__payload_open_channel(mesh_message_t *message,
                                        int *ret_port);
apr_status_t mesh__payload_open_oneshot(mesh_message_t *message);

/* Decode the value (or, with `boxed` or if there is none, the whole payload)
 * as `type`, in memory that belongs to the message. */
apr_status_t mesh__payload_unpack(mesh_message_t *message, int boxed,
                                  const ProtobufCMessageDescriptor *type,
                                  ProtobufCMessage **ret_value);

/* For bytes that are not in a message: an invitation. `res` may be NULL. The
 * tree is in `arena`; its bytes fields point into `data`. */
struct mesh__arena_t;
apr_status_t mesh__payload_decode(const ProtobufCMessageDescriptor *type,
                                  const unsigned char *data, apr_size_t len,
                                  mesh__res_t *res, int n_res,
                                  struct mesh__arena_t *arena,
                                  ProtobufCMessage **ret_value);

/* Free what a message holds for this module (called by whoever frees it). */
void mesh__payload_release(mesh_message_t *message);

#endif
