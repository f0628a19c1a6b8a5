#include "config.h"

#include "descriptor.h"

#include <string.h>

#include "wire.h"

/* By name: every program compiles its own mesh.pb-c.c, so the address of the
 * descriptor says nothing. The size keeps a stranger's mesh.Port from being
 * taken for a slot. */
mesh__res_kind_t mesh__type_res_kind(const ProtobufCMessageDescriptor *type)
{
    if (strncmp(type->name, "mesh.", 5) != 0
        || type->sizeof_message != sizeof(mesh__slot_t))
        return MESH__RES_NONE;
    if (strcmp(type->name + 5, "Port") == 0)
        return MESH__RES_PORT;
    if (strcmp(type->name + 5, "Handle") == 0)
        return MESH__RES_HANDLE;
    return MESH__RES_NONE;
}

size_t mesh__field_size(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_ENUM:
        return 4;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        break;
    }
    return sizeof(void *);
}

int mesh__field_wire(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return MESH__WIRE_FIXED32;
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return MESH__WIRE_FIXED64;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return MESH__WIRE_LEN;
    default:
        return MESH__WIRE_VARINT;
    }
}

/* Types from the one in question outwards. */
typedef struct path_t {
    const ProtobufCMessageDescriptor *type;
    const struct path_t *outer;
} path_t;

static int is_complete(const ProtobufCMessageDescriptor *type,
                       const void *message, const path_t *outer);

static int is_around(const ProtobufCMessageDescriptor *type,
                     const path_t *path)
{
    for (; path; path = path->outer)
        if (path->type == type)
            return 1;
    return 0;
}

/* A oneof of one member is how an optional value is written. */
static int is_choice(const ProtobufCMessageDescriptor *type,
                     const ProtobufCFieldDescriptor *field)
{
    const ProtobufCFieldDescriptor *f;

    for (f = type->fields; f < type->fields + type->n_fields; f++)
        if (f != field && (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
            && f->quantifier_offset == field->quantifier_offset)
            return 1;
    return 0;
}

/* May the field be as it is in `message`? */
static int is_satisfied(const ProtobufCFieldDescriptor *field,
                        const void *message, const path_t *path)
{
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return (message
                && MESH__CONST_MEMBER(message, field->quantifier_offset,
                                      uint32_t)
                       != 0)
               || !is_choice(path->type, field);
    if (field->type != PROTOBUF_C_TYPE_MESSAGE
        || field->label == PROTOBUF_C_LABEL_REPEATED
        || field->label == PROTOBUF_C_LABEL_OPTIONAL
        || (message && MESH__CONST_MEMBER(message, field->offset, void *)))
        return 1;
    if (mesh__type_res_kind(field->descriptor) != MESH__RES_NONE)
        return 0;
    return is_around(field->descriptor, path)
           || is_complete(field->descriptor, NULL, path);
}

static int is_complete(const ProtobufCMessageDescriptor *type,
                       const void *message, const path_t *outer)
{
    path_t path;
    unsigned i;

    path.type = type;
    path.outer = outer;
    for (i = 0; i < type->n_fields; i++)
        if (!is_satisfied(&type->fields[i], message, &path))
            return 0;
    return 1;
}

int mesh__message_is_complete(const ProtobufCMessageDescriptor *type,
                              const void *message)
{
    return is_complete(type, message, NULL);
}
