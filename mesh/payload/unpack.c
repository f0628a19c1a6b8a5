/* Bytes to structs.
 *
 * Fields are split first and interpreted then, so that a field that is not
 * known still takes its resources along. The array of resources is never
 * written to. */
#include "config.h"

#include "payload.h"

#include <string.h>

#include "arena.h"
#include "descriptor.h"
#include "wire.h"

#define ARENA_BASE ((apr_size_t)4 << 20)
#define ARENA_FACTOR 8

/* In front of the elements of a repeated field; a multiple of what elements
 * are aligned to. */
typedef union array_head_t {
    size_t cap;
    char room[16];
} array_head_t;

static apr_status_t get_message(mesh__arena_t *arena,
                                const ProtobufCMessageDescriptor *type,
                                ProtobufCMessage *message, mesh__view_t *view,
                                int depth);

static apr_status_t no_memory(const mesh__arena_t *arena)
{
    return mesh__arena_is_full(arena) ? MESH_E_LIMIT : APR_ENOMEM;
}

static apr_status_t new_message(mesh__arena_t *arena,
                                const ProtobufCMessageDescriptor *type,
                                ProtobufCMessage **ret_message)
{
    ProtobufCMessage *message = mesh__arena_alloc(arena, type->sizeof_message);

    if (!message)
        return no_memory(arena);
    protobuf_c_message_init(type, message);
    *ret_message = message;
    return APR_SUCCESS;
}

/* A number as it is on the wire, to what the struct has. */
static apr_status_t set_number(const ProtobufCFieldDescriptor *field,
                               void *member, apr_uint64_t v)
{
    apr_uint32_t v4 = (apr_uint32_t)v;

    switch (field->type) {
    case PROTOBUF_C_TYPE_BOOL:
        *(protobuf_c_boolean *)member = v != 0;
        return APR_SUCCESS;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_ENUM:
        if (v != (apr_uint64_t)(apr_int64_t)(apr_int32_t)v4)
            return MESH_E_VALUE;
        break;
    case PROTOBUF_C_TYPE_SINT32:
        if (v != v4)
            return MESH_E_VALUE;
        v4 = v4 >> 1 ^ (0 - (v4 & 1));
        break;
    case PROTOBUF_C_TYPE_SINT64:
        v = v >> 1 ^ (0 - (v & 1));
        break;
    default:
        if (mesh__field_size(field) == 4 && v != v4)
            return MESH_E_VALUE;
    }
    if (mesh__field_size(field) == 4)
        memcpy(member, &v4, 4);
    else
        memcpy(member, &v, 8);
    return APR_SUCCESS;
}

static apr_status_t get_string(mesh__arena_t *arena, char **member,
                               const mesh__view_t *content)
{
    apr_size_t len = (apr_size_t)(content->end - content->p);
    char *s;

    if (memchr(content->p, 0, len) || !mesh__utf8_is_valid(content->p, len))
        return MESH_E_VALUE;
    s = mesh__arena_alloc(arena, len + 1);
    if (!s)
        return no_memory(arena);
    memcpy(s, content->p, len);
    s[len] = '\0';
    *member = s;
    return APR_SUCCESS;
}

/* A port or handle: its slot is the place in the message that owns it, which
 * may be empty by now if it was taken after an earlier decode. */
static apr_status_t get_resource(mesh__arena_t *arena,
                                 const ProtobufCFieldDescriptor *field,
                                 mesh__res_kind_t kind,
                                 const mesh__token_t *token,
                                 ProtobufCMessage **member)
{
    ProtobufCMessage *message;
    apr_status_t rv;

    if (token->wire != MESH__WIRE_RESOURCE)
        return MESH_E_WIRE;
    if (token->content.res->kind != kind)
        return MESH_E_RESOURCE;
    rv = new_message(arena, field->descriptor, &message);
    if (rv != APR_SUCCESS)
        return rv;
    ((mesh__slot_t *)message)->slot = (uintptr_t)&token->content.res->u;
    *member = message;
    return APR_SUCCESS;
}

static apr_status_t get_submessage(mesh__arena_t *arena,
                                   const ProtobufCFieldDescriptor *field,
                                   mesh__token_t *token,
                                   ProtobufCMessage **member, int is_new,
                                   int depth)
{
    mesh__res_kind_t kind = mesh__type_res_kind(field->descriptor);
    apr_status_t rv;

    if (kind != MESH__RES_NONE)
        return get_resource(arena, field, kind, token, member);
    if (token->wire != MESH__WIRE_LEN && token->wire != MESH__WIRE_MESSAGE)
        return MESH_E_WIRE;
    if (depth == MESH__MAX_DEPTH)
        return MESH_E_DEPTH;
    if (is_new || !*member) {
        rv = new_message(arena, field->descriptor, member);
        if (rv != APR_SUCCESS)
            return rv;
    }
    return get_message(arena, field->descriptor, *member, &token->content,
                       depth + 1);
}

/* One value, to `member`. `is_new`: there is nothing to merge it with. */
static apr_status_t get_value(mesh__arena_t *arena,
                              const ProtobufCFieldDescriptor *field,
                              mesh__token_t *token, void *member, int is_new,
                              int depth)
{
    ProtobufCBinaryData *bytes;

    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return get_submessage(arena, field, token, member, is_new, depth);
    if (token->wire != mesh__field_wire(field))
        return MESH_E_WIRE;
    if (field->type == PROTOBUF_C_TYPE_STRING)
        return get_string(arena, member, &token->content);
    if (field->type != PROTOBUF_C_TYPE_BYTES)
        return set_number(field, member, token->number);
    bytes = member;
    bytes->len = (size_t)(token->content.end - token->content.p);
    bytes->data =
        bytes->len > 0 ? (uint8_t *)(uintptr_t)token->content.p : NULL;
    return APR_SUCCESS;
}

static size_t capacity(const ProtobufCFieldDescriptor *field,
                       const ProtobufCMessage *message)
{
    size_t n = MESH__CONST_MEMBER(message, field->quantifier_offset, size_t);

    if (n == 0)
        return 0;
    return MESH__CONST_MEMBER(message, field->offset, array_head_t *)[-1].cap;
}

/* Room for `extra` > 0 more elements. */
static apr_status_t reserve(mesh__arena_t *arena,
                            const ProtobufCFieldDescriptor *field,
                            ProtobufCMessage *message, size_t extra,
                            char **ret_room)
{
    size_t n = MESH__MEMBER(message, field->quantifier_offset, size_t);
    size_t size = mesh__field_size(field), cap = capacity(field, message);
    char **elements = &MESH__MEMBER(message, field->offset, char *);
    array_head_t *head;

    if (extra > cap - n) {
        cap = n + extra > 2 * n ? n + extra : 2 * n;
        if (cap > mesh__arena_limit(arena) / size)
            return MESH_E_LIMIT;
        head = mesh__arena_alloc(arena, sizeof(*head) + cap * size);
        if (!head)
            return no_memory(arena);
        head->cap = cap;
        if (n > 0)
            memcpy(head + 1, *elements, n * size);
        *elements = (char *)(head + 1);
    }
    *ret_room = *elements + n * size;
    return APR_SUCCESS;
}

/* How many fields follow in the view that are also `id`, at once: an array
 * that comes in one piece gets its right size at once. */
static size_t count_run(mesh__view_t view, apr_uint32_t id)
{
    mesh__token_t token;
    size_t n = 0;

    while (view.p < view.end && mesh__wire_next(&view, &token) == APR_SUCCESS
           && token.id == id)
        n++;
    return n;
}

static apr_status_t get_packed(mesh__arena_t *arena,
                               const ProtobufCFieldDescriptor *field,
                               mesh__view_t *content,
                               ProtobufCMessage *message)
{
    size_t *n = &MESH__MEMBER(message, field->quantifier_offset, size_t);
    size_t size = mesh__field_size(field), count = 0;
    int wire = mesh__field_wire(field);
    const unsigned char *p;
    apr_uint64_t v;
    apr_status_t rv;
    char *room;

    if (wire == MESH__WIRE_VARINT) {
        for (p = content->p; p < content->end; p++)
            count += *p < 0x80;
    }
    else {
        count = (size_t)(content->end - content->p) / size;
    }
    if (count == 0)
        return content->p == content->end ? APR_SUCCESS : MESH_E_TRUNCATED;
    rv = reserve(arena, field, message, count, &room);
    for (; rv == APR_SUCCESS && content->p < content->end; room += size) {
        rv = wire == MESH__WIRE_VARINT
                 ? mesh__wire_varint(content, &v)
                 : mesh__wire_fixed(content, (int)size, &v);
        if (rv == APR_SUCCESS)
            rv = set_number(field, room, v);
        if (rv == APR_SUCCESS)
            ++*n;
    }
    return rv;
}

static apr_status_t get_repeated(mesh__arena_t *arena,
                                 const ProtobufCFieldDescriptor *field,
                                 mesh__token_t *token,
                                 const mesh__view_t *rest,
                                 ProtobufCMessage *message, int depth)
{
    size_t *n = &MESH__MEMBER(message, field->quantifier_offset, size_t);
    size_t extra = 1;
    apr_status_t rv;
    char *room;

    if (token->wire == MESH__WIRE_LEN
        && mesh__field_wire(field) != MESH__WIRE_LEN)
        return get_packed(arena, field, &token->content, message);
    if (*n == capacity(field, message))
        extra += count_run(*rest, field->id);
    rv = reserve(arena, field, message, extra, &room);
    if (rv != APR_SUCCESS)
        return rv;
    rv = get_value(arena, field, token, room, 1, depth);
    if (rv == APR_SUCCESS)
        ++*n;
    return rv;
}

/* A field that is not repeated: say that it is there, then take it. */
static apr_status_t get_singular(mesh__arena_t *arena,
                                 const ProtobufCFieldDescriptor *field,
                                 mesh__token_t *token,
                                 ProtobufCMessage *message, int depth)
{
    int is_new = 0;

    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        is_new = MESH__MEMBER(message, field->quantifier_offset, uint32_t)
                 != field->id;
        MESH__MEMBER(message, field->quantifier_offset, uint32_t) = field->id;
    }
    else if (field->label == PROTOBUF_C_LABEL_OPTIONAL
             && field->type != PROTOBUF_C_TYPE_MESSAGE
             && field->type != PROTOBUF_C_TYPE_STRING) {
        MESH__MEMBER(message, field->quantifier_offset, protobuf_c_boolean) =
            1;
    }
    return get_value(arena, field, token, (char *)message + field->offset,
                     is_new, depth);
}

/* The field of that number, if the type knows it. `next` is where it is if
 * the fields come in order. */
static const ProtobufCFieldDescriptor *find(
    const ProtobufCMessageDescriptor *type, apr_uint32_t id, unsigned next)
{
    unsigned low = 0, high = type->n_fields, mid;

    if (next < type->n_fields && type->fields[next].id == id)
        return &type->fields[next];
    while (low < high) {
        mid = (low + high) / 2;
        if (type->fields[mid].id == id)
            return &type->fields[mid];
        if (type->fields[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

static apr_status_t get_message(mesh__arena_t *arena,
                                const ProtobufCMessageDescriptor *type,
                                ProtobufCMessage *message, mesh__view_t *view,
                                int depth)
{
    const ProtobufCFieldDescriptor *field;
    mesh__token_t token;
    unsigned next = 0;
    apr_status_t rv;

    while (view->p < view->end) {
        rv = mesh__wire_next(view, &token);
        if (rv != APR_SUCCESS)
            return rv;
        field = find(type, token.id, next);
        if (!field)
            continue;
        next = (unsigned)(field - type->fields);
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            rv = get_repeated(arena, field, &token, view, message, depth);
        }
        else {
            rv = get_singular(arena, field, &token, message, depth);
            next++;
        }
        if (rv != APR_SUCCESS)
            return rv;
    }
    return mesh__message_is_complete(type, message) ? APR_SUCCESS
                                                    : MESH_E_MISSING;
}

static apr_status_t decode(const ProtobufCMessageDescriptor *type,
                           mesh__view_t *view, mesh__arena_t *arena,
                           ProtobufCMessage **ret_value)
{
    ProtobufCMessage *value;
    apr_status_t rv;

    /* The peer would choose the address in the slot. */
    if (mesh__type_res_kind(type) != MESH__RES_NONE)
        return MESH_E_WIRE;
    rv = new_message(arena, type, &value);
    if (rv == APR_SUCCESS)
        rv = get_message(arena, type, value, view, 1);
    if (rv == APR_SUCCESS)
        *ret_value = value;
    return rv;
}

apr_status_t mesh__payload_unpack(mesh_message_t *message, int boxed,
                                  const ProtobufCMessageDescriptor *type,
                                  ProtobufCMessage **ret_value)
{
    mesh__view_t view = mesh__view_make(message->data, message->len,
                                        message->res, message->n_res);

    if (!message->arena)
        message->arena =
            mesh__arena_create(ARENA_BASE + ARENA_FACTOR * message->len);
    if (!message->arena)
        return APR_ENOMEM;
    if (message->has_value && !boxed) {
        if (message->value_wire != MESH__WIRE_LEN
            && message->value_wire != MESH__WIRE_MESSAGE)
            return MESH_E_WIRE;
        view = mesh__view_make(message->value, message->value_len,
                               message->value_res, message->value_n_res);
    }
    return decode(type, &view, message->arena, ret_value);
}

apr_status_t mesh__payload_decode(const ProtobufCMessageDescriptor *type,
                                  const unsigned char *data, apr_size_t len,
                                  mesh__res_t *res, int n_res,
                                  mesh__arena_t *arena,
                                  ProtobufCMessage **ret_value)
{
    mesh__view_t view = mesh__view_make(data, len, res, n_res);

    return decode(type, &view, arena, ret_value);
}
