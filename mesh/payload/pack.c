/* Structs to bytes.
 *
 * Written from the end to the front, so that the length and the number of
 * resources of a submessage are known when its head is written. What no
 * longer fits into the room is only counted: a small message is done in one
 * pass over room on the stack, a larger one in a second pass over the message
 * itself, made in its right size. */
#include "config.h"

#include "payload.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "descriptor.h"
#include "wire.h"

#define SMALL 512

typedef struct packer_t {
    unsigned char *end;
    apr_size_t room; /* in front of end */
    apr_size_t len;  /* written or counted so far */
    int is_checked;  /* second pass: the strings are known to be UTF-8 */
    apr_status_t status;

    /* Last one first, as everything here. */
    int n_res;
    void *slots[MESH__MAX_RES];
    unsigned char kinds[MESH__MAX_RES];
} packer_t;

static void put_message(packer_t *packer,
                        const ProtobufCMessageDescriptor *type,
                        const void *message, int depth);

static void fail(packer_t *packer, apr_status_t status)
{
    if (packer->status == APR_SUCCESS)
        packer->status = status;
}

/* Where the next `n` bytes go, or NULL if they are only counted. */
static unsigned char *put(packer_t *packer, apr_size_t n)
{
    if (n > MESH__MAX_PAYLOAD - packer->len) {
        fail(packer, MESH_E_LIMIT);
        return NULL;
    }
    packer->len += n;
    return packer->len <= packer->room ? packer->end - packer->len : NULL;
}

static void put_varint(packer_t *packer, apr_uint64_t v)
{
    apr_uint64_t rest;
    apr_size_t n = 1;
    unsigned char *p;

    for (rest = v >> 7; rest; rest >>= 7)
        n++;
    p = put(packer, n);
    if (!p)
        return;
    for (; v > 0x7f; v >>= 7)
        *p++ = (unsigned char)(v | 0x80);
    *p = (unsigned char)v;
}

static void put_fixed(packer_t *packer, apr_uint64_t v, apr_size_t n)
{
    unsigned char *p = put(packer, n);
    apr_size_t i;

    for (i = 0; p && i < n; i++)
        p[i] = (unsigned char)(v >> (8 * i));
}

static void put_bytes(packer_t *packer, const void *data, apr_size_t n)
{
    unsigned char *p = put(packer, n);

    if (p && n > 0)
        memcpy(p, data, n);
}

static void put_key(packer_t *packer, apr_uint32_t id, int wire)
{
    put_varint(packer, (apr_uint64_t)id << 3 | (unsigned)wire);
}

/* The head of what was written since there were `len` bytes and `n_res`
 * resources. */
static void put_head(packer_t *packer, apr_uint32_t id, apr_size_t len,
                     int n_res)
{
    n_res = packer->n_res - n_res;
    put_varint(packer, packer->len - len);
    if (n_res > 0)
        put_varint(packer, (apr_uint64_t)n_res);
    put_key(packer, id, n_res > 0 ? MESH__WIRE_MESSAGE : MESH__WIRE_LEN);
}

/* The bits that go out for a number; all zero for its default only, so that
 * -0.0 is none. */
static apr_uint64_t number(const ProtobufCFieldDescriptor *field,
                           const void *member)
{
    apr_uint32_t v4;
    apr_uint64_t v8;

    if (mesh__field_size(field) == 8) {
        memcpy(&v8, member, 8);
        if (field->type == PROTOBUF_C_TYPE_SINT64)
            v8 = v8 << 1 ^ (0 - (v8 >> 63));
        return v8;
    }
    memcpy(&v4, member, 4);
    switch (field->type) {
    case PROTOBUF_C_TYPE_SINT32:
        return v4 << 1 ^ (0 - (v4 >> 31));
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_ENUM:
        return (apr_uint64_t)(apr_int64_t)(apr_int32_t)v4;
    case PROTOBUF_C_TYPE_BOOL:
        return v4 != 0;
    default:
        return v4;
    }
}

static void put_number(packer_t *packer, const ProtobufCFieldDescriptor *field,
                       const void *member)
{
    apr_uint64_t v = number(field, member);

    switch (mesh__field_wire(field)) {
    case MESH__WIRE_FIXED32:
        put_fixed(packer, v, 4);
        break;
    case MESH__WIRE_FIXED64:
        put_fixed(packer, v, 8);
        break;
    default:
        put_varint(packer, v);
    }
}

static int is_empty(mesh__res_kind_t kind, const void *variable)
{
    if (kind == MESH__RES_PORT)
        return !*(mesh_port_t *const *)variable;
    return *(const intptr_t *)variable == MESH__HANDLE_NONE;
}

static void put_resource(packer_t *packer, apr_uint32_t id,
                         mesh__res_kind_t kind, const mesh__slot_t *slot)
{
    void *variable = slot ? (void *)(uintptr_t)slot->slot : NULL;

    if (!variable || is_empty(kind, variable)) {
        fail(packer, MESH_E_RESOURCE);
        return;
    }
    if (packer->n_res == MESH__MAX_RES) {
        fail(packer, MESH_E_LIMIT);
        return;
    }
    packer->slots[packer->n_res] = variable;
    packer->kinds[packer->n_res++] = (unsigned char)kind;
    put_key(packer, id, MESH__WIRE_RESOURCE);
}

static void put_string(packer_t *packer, apr_uint32_t id, const char *s)
{
    apr_size_t n = s ? strlen(s) : 0;

    if (n > 0 && !packer->is_checked
        && !mesh__utf8_is_valid((const unsigned char *)s, n)) {
        fail(packer, MESH_E_VALUE);
        return;
    }
    put_bytes(packer, s, n);
    put_varint(packer, n);
    put_key(packer, id, MESH__WIRE_LEN);
}

/* One value with its key. A message that is NULL here, the choice of a oneof
 * or an element, is written as the empty one. */
static void put_value(packer_t *packer, const ProtobufCFieldDescriptor *field,
                      const void *member, int depth)
{
    const ProtobufCBinaryData *bytes;
    mesh__res_kind_t kind;
    apr_size_t len = packer->len;
    int n_res = packer->n_res;

    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        put_string(packer, field->id, *(const char *const *)member);
        break;
    case PROTOBUF_C_TYPE_BYTES:
        bytes = member;
        if (bytes->len > 0 && !bytes->data) {
            fail(packer, MESH_E_VALUE);
            break;
        }
        put_bytes(packer, bytes->data, bytes->len);
        put_head(packer, field->id, len, n_res);
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        kind = mesh__type_res_kind(field->descriptor);
        if (kind != MESH__RES_NONE) {
            put_resource(packer, field->id, kind,
                         *(const mesh__slot_t *const *)member);
            break;
        }
        put_message(packer, field->descriptor, *(const void *const *)member,
                    depth + 1);
        put_head(packer, field->id, len, n_res);
        break;
    default:
        put_number(packer, field, member);
        put_key(packer, field->id, mesh__field_wire(field));
    }
}

static void put_repeated(packer_t *packer,
                         const ProtobufCFieldDescriptor *field,
                         const void *message, int depth)
{
    size_t n = MESH__CONST_MEMBER(message, field->quantifier_offset, size_t);
    size_t size = mesh__field_size(field);
    const char *v = MESH__CONST_MEMBER(message, field->offset, char *);
    apr_size_t len = packer->len;

    if (n == 0)
        return;
    if (mesh__field_wire(field) == MESH__WIRE_LEN) {
        while (n-- > 0 && packer->status == APR_SUCCESS)
            put_value(packer, field, v + n * size, depth);
        return;
    }
    while (n-- > 0 && packer->status == APR_SUCCESS)
        put_number(packer, field, v + n * size);
    put_head(packer, field->id, len, packer->n_res);
}

/* Is a field that is not repeated to be written? */
static int is_present(const ProtobufCFieldDescriptor *field,
                      const void *message)
{
    const void *member = (const char *)message + field->offset;
    const char *s;

    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return MESH__CONST_MEMBER(message, field->quantifier_offset, uint32_t)
               == field->id;
    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        return *(const void *const *)member != NULL;
    case PROTOBUF_C_TYPE_STRING:
        s = *(const char *const *)member;
        if (field->label == PROTOBUF_C_LABEL_OPTIONAL)
            return s && s != field->default_value
                   && s != protobuf_c_empty_string;
        return s && *s;
    default:
        if (field->label == PROTOBUF_C_LABEL_OPTIONAL)
            return MESH__CONST_MEMBER(message, field->quantifier_offset,
                                      protobuf_c_boolean);
        if (field->type == PROTOBUF_C_TYPE_BYTES)
            return ((const ProtobufCBinaryData *)member)->len != 0;
        return number(field, member) != 0;
    }
}

static void put_message(packer_t *packer,
                        const ProtobufCMessageDescriptor *type,
                        const void *message, int depth)
{
    const ProtobufCFieldDescriptor *field;
    unsigned i;

    if (depth > MESH__MAX_DEPTH) {
        fail(packer, MESH_E_DEPTH);
        return;
    }
    if (!mesh__message_is_complete(type, message))
        fail(packer, MESH_E_MISSING);
    if (!message)
        return;
    for (i = type->n_fields; i-- > 0 && packer->status == APR_SUCCESS;) {
        field = &type->fields[i];
        if (field->label == PROTOBUF_C_LABEL_REPEATED)
            put_repeated(packer, field, message, depth);
        else if (is_present(field, message))
            put_value(packer, field, (const char *)message + field->offset,
                      depth);
    }
}

/* One pass, into the `room` bytes in front of `end`. */
static apr_status_t put_all(packer_t *packer, unsigned char *end,
                            apr_size_t room, const ProtobufCMessage *value,
                            mesh__wrap_t wrap)
{
    packer->end = end;
    packer->room = room;
    packer->len = 0;
    packer->n_res = 0;
    packer->status = APR_SUCCESS;
    put_message(packer, value->descriptor, value, 1);
    if (wrap == MESH__WRAP_CHANNEL
        || (wrap == MESH__WRAP_ONESHOT
            && (packer->len > 0 || packer->n_res > 0)))
        put_head(packer, 1, 0, 0);
    return packer->status;
}

/* A variable gives away what it has only once. Every pair is compared: few
 * messages have more than a handful, and for 1024 it costs less than sending
 * one of them. */
static int has_duplicate(const packer_t *packer)
{
    int i, k;

    for (i = 1; i < packer->n_res; i++)
        for (k = 0; k < i; k++)
            if (packer->slots[i] == packer->slots[k])
                return 1;
    return 0;
}

/* The resources as the message has them: named, and still empty. */
static apr_status_t set_resources(mesh_message_t *message,
                                  const packer_t *packer)
{
    apr_size_t n = (apr_size_t)packer->n_res, i;
    mesh__res_t *res;

    if (n == 0)
        return APR_SUCCESS;
    message->slots = malloc(n * sizeof(*message->slots));
    message->res = malloc(n * sizeof(*message->res));
    if (!message->slots || !message->res)
        return APR_ENOMEM;
    message->n_res = message->res_cap = packer->n_res;
    for (i = 0; i < n; i++) {
        message->slots[i] = packer->slots[n - 1 - i];
        res = &message->res[i];
        res->kind = (mesh__res_kind_t)packer->kinds[n - 1 - i];
        if (res->kind == MESH__RES_PORT)
            res->u.port = NULL;
        else
            res->u.handle = MESH__HANDLE_NONE;
    }
    return APR_SUCCESS;
}

apr_status_t mesh__payload_pack(mesh_message_t **ret_message,
                                const ProtobufCMessage *value,
                                mesh__wrap_t wrap)
{
    unsigned char small[SMALL];
    packer_t packer;
    mesh_message_t *message;
    apr_status_t rv;

    /* A slot is no value: its bytes are an address in this process. */
    if (mesh__type_res_kind(value->descriptor) != MESH__RES_NONE)
        return MESH_E_RESOURCE;
    packer.is_checked = 0;
    rv = put_all(&packer, small + SMALL, SMALL, value, wrap);
    if (rv != APR_SUCCESS)
        return rv;
    if (has_duplicate(&packer))
        return MESH_E_RESOURCE;
    message = mesh__message_alloc(packer.len);
    if (!message)
        return APR_ENOMEM;
    if (packer.len <= SMALL) {
        memcpy(message->data, packer.end - packer.len, packer.len);
    }
    else {
        packer.is_checked = 1;
        rv = put_all(&packer, message->data + packer.len, packer.len, value,
                     wrap);
        assert(rv == APR_SUCCESS && packer.len == packer.room);
    }
    rv = set_resources(message, &packer);
    if (rv != APR_SUCCESS) {
        mesh__payload_release(message);
        mesh__message_free(message);
        return rv;
    }
    *ret_message = message;
    return APR_SUCCESS;
}

void mesh__payload_commit(mesh_message_t *message)
{
    mesh__res_t *res;
    int i;

    for (i = 0; message->slots && i < message->n_res; i++) {
        res = &message->res[i];
        if (res->kind == MESH__RES_PORT) {
            res->u.port = *(mesh_port_t **)message->slots[i];
            *(mesh_port_t **)message->slots[i] = NULL;
        }
        else {
            res->u.handle = *(intptr_t *)message->slots[i];
            *(intptr_t *)message->slots[i] = MESH__HANDLE_NONE;
        }
    }
}

/* What is not in the message is left where it is, so that a message that was
 * never committed can be rolled back too. */
void mesh__payload_rollback(mesh_message_t *message)
{
    mesh__res_t *res;
    int i;

    for (i = 0; message->slots && i < message->n_res; i++) {
        res = &message->res[i];
        if (is_empty(res->kind, &res->u))
            continue;
        if (res->kind == MESH__RES_PORT) {
            *(mesh_port_t **)message->slots[i] = res->u.port;
            res->u.port = NULL;
        }
        else {
            *(intptr_t *)message->slots[i] = res->u.handle;
            res->u.handle = MESH__HANDLE_NONE;
        }
    }
}

void mesh__payload_release(mesh_message_t *message)
{
    free(message->slots);
    message->slots = NULL;
    mesh__arena_destroy(message->arena);
    message->arena = NULL;
}
