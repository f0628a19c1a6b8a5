/* What protobuf-c's descriptors say, in the terms of this module. */
#ifndef MESH_PAYLOAD_DESCRIPTOR_H
#define MESH_PAYLOAD_DESCRIPTOR_H

#include <protobuf-c/protobuf-c.h>

#include "message.h"

/* A member of a generated struct. */
#define MESH__MEMBER(message, offset, type)                                   \
    (*(type *)((char *)(message) + (offset)))
#define MESH__CONST_MEMBER(message, offset, type)                             \
    (*(type const *)((const char *)(message) + (offset)))

/* mesh.Port and mesh.Handle, as every program's generated code has them. */
typedef struct mesh__slot_t {
    ProtobufCMessage base;
    uint64_t slot;
} mesh__slot_t;

/* The resource that the type names, else MESH__RES_NONE. */
mesh__res_kind_t mesh__type_res_kind(const ProtobufCMessageDescriptor *type);

/* Size of the member, or of one element of a repeated field. */
size_t mesh__field_size(const ProtobufCFieldDescriptor *field);

/* Wire type of one value; that of messages and resources is not looked at. */
int mesh__field_wire(const ProtobufCFieldDescriptor *field);

/* Has `message` all that its type demands? NULL stands for the empty message.
 * Demanded are ports, handles, and a choice in each oneof of two or more; an
 * absent message counts as an empty one, as in upstream, so that what is
 * demanded inside it is demanded of it. Repeated fields and members of oneofs
 * are free; so is a field whose type is that of a message around it, for it
 * could never end otherwise. What is present is not looked into. */
int mesh__message_is_complete(const ProtobufCMessageDescriptor *type,
                              const void *message);

#endif
