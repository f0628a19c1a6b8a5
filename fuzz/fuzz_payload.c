/* Typed messages. The first byte chooses the type and what is around the
 * value, the second how many resources there are and which of them are
 * handles; the rest is the payload. */
#include "config.h"

#include "fuzz.h"

#include "payload.h"
#include "payload_vectors.pb-c.h"

#include <stdlib.h>
#include <string.h>

#define N_TYPES (sizeof(types) / sizeof(*types))

enum { MAX_KINDS = 4 };

static const ProtobufCMessageDescriptor *const types[] = {
    &vectors__everything__descriptor,
    &vectors__repeated__descriptor,
    &vectors__collections__descriptor,
    &vectors__resources__descriptor,
    &vectors__either__descriptor,
    &vectors__maps__descriptor,
    &vectors__chain__descriptor,
    &vectors__port_chain__descriptor,
    &vectors__maybe_port__descriptor,
    &vectors__request__descriptor,
    &vectors__cancel_context__descriptor,
    &vectors__deferred__descriptor,
    &vectors__node__descriptor,
    &vectors__listen_invitation__descriptor,
};

/* What does not hold is for the fuzzer to find: this ends the process. */
static void check(int holds)
{
    if (!holds)
        abort();
}

static char ports[MAX_KINDS];

static mesh__res_t resource(int kinds, int i)
{
    mesh__res_t res;

    memset(&res, 0, sizeof(res));
    if (kinds & 1 << i) {
        res.kind = MESH__RES_HANDLE;
        res.u.handle = i;
    }
    else {
        res.kind = MESH__RES_PORT;
        res.u.port = (mesh_port_t *)&ports[i];
    }
    return res;
}

static int is_same(const mesh__res_t *a, const mesh__res_t *b)
{
    return a->kind == b->kind
           && (a->kind == MESH__RES_PORT ? a->u.port == b->u.port
                                         : a->u.handle == b->u.handle);
}

static mesh_message_t *new_message(const uint8_t *data, size_t len, int n,
                                   int kinds)
{
    mesh_message_t *message = mesh__message_alloc(len);
    int i;

    check(message != NULL);
    if (len > 0)
        memcpy(message->data, data, len);
    for (i = 0; i < n; i++)
        check(mesh__message_res_add(message, resource(kinds, i))
              == APR_SUCCESS);
    return message;
}

static void free_message(mesh_message_t *message)
{
    mesh__payload_release(message);
    mesh__message_free(message);
}

/* What was decoded can be encoded, and that decodes to what encodes to the
 * same bytes. */
static void check_stable(const ProtobufCMessage *value)
{
    mesh_message_t *first, *second;
    ProtobufCMessage *again;

    check(mesh__payload_pack(&first, value, MESH__WRAP_NONE) == APR_SUCCESS);
    mesh__payload_commit(first);
    check(mesh__payload_unpack(first, 0, value->descriptor, &again)
          == APR_SUCCESS);
    check(mesh__payload_pack(&second, again, MESH__WRAP_NONE) == APR_SUCCESS);
    check(first->len == second->len && first->n_res == second->n_res
          && memcmp(first->data, second->data, first->len) == 0);
    free_message(second);
    free_message(first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const ProtobufCMessageDescriptor *type;
    mesh_message_t *message;
    ProtobufCMessage *value = NULL;
    apr_status_t rv = APR_SUCCESS;
    mesh__res_t expected;
    int wrap, n, kinds, at, i;

    if (size < 2)
        return 0;
    type = types[data[0] / 3 % N_TYPES];
    wrap = data[0] % 3;
    n = data[1] % (MAX_KINDS + 1);
    kinds = data[1] >> 4;
    message = new_message(data + 2, size - 2, n, kinds);
    if (wrap == MESH__WRAP_CHANNEL)
        rv = mesh__payload_open_channel(message, &at);
    else if (wrap == MESH__WRAP_ONESHOT)
        rv = mesh__payload_open_oneshot(message);
    if (rv == APR_SUCCESS)
        rv = mesh__payload_unpack(message, 0, type, &value);
    check((rv == APR_SUCCESS) == (value != NULL));
    for (i = 0; i < n; i++) {
        expected = resource(kinds, i);
        check(is_same(&message->res[i], &expected));
    }
    if (value)
        check_stable(value);
    free_message(message);
    return 0;
}
