#include "config.h"

#include "payload_lib.h"

#include "harness.h"
#include "hex.h"

#include <string.h>

enum { MAX_BYTES = 4096 };

mesh_port_t *fake_port(int i)
{
    static char ports[MESH__MAX_RES + 1];

    return (mesh_port_t *)&ports[i];
}

void free_message(mesh_message_t *message)
{
    mesh__payload_release(message);
    mesh__message_free(message);
}

mesh_message_t *from_bytes(const void *bytes, size_t len, const char *kinds)
{
    mesh_message_t *message = mesh__message_alloc(len);
    mesh__res_t res;
    int i;

    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    if (len > 0)
        memcpy(message->data, bytes, len);
    for (i = 0; kinds[i]; i++) {
        memset(&res, 0, sizeof(res));
        if (kinds[i] == 'P') {
            res.kind = MESH__RES_PORT;
            res.u.port = fake_port(i);
        }
        else if (kinds[i] == 'H') {
            res.kind = MESH__RES_HANDLE;
            res.u.handle = 100 + i;
        }
        TEST_OK(mesh__message_res_add(message, res));
    }
    return message;
}

mesh_message_t *from_hex(const char *hex, const char *kinds)
{
    unsigned char bytes[MAX_BYTES];
    size_t len = hex_decode(hex, bytes, sizeof(bytes));

    CU_ASSERT_FATAL(len <= sizeof(bytes));
    return from_bytes(bytes, len, kinds);
}

static void check_hex(const mesh_message_t *message, const char *hex)
{
    char text[2 * MAX_BYTES + 1];

    CU_ASSERT_FATAL(message->len <= MAX_BYTES);
    CU_ASSERT_STRING_EQUAL(hex_encode(message->data, message->len, text), hex);
}

void check_packed(const void *value, mesh__wrap_t wrap, const char *hex)
{
    mesh_message_t *message;

    TEST_OK(mesh__payload_pack(&message, value, wrap));
    check_hex(message, hex);
    free_message(message);
}

void check_refused(const void *value, apr_status_t status)
{
    mesh_message_t *message = NULL;

    CU_ASSERT_EQUAL(mesh__payload_pack(&message, value, MESH__WRAP_NONE),
                    status);
    CU_ASSERT_PTR_NULL(message);
}

void check_decoded(const ProtobufCMessageDescriptor *type, const char *hex,
                   const char *kinds, apr_status_t status, const char *again)
{
    mesh_message_t *message = from_hex(hex, kinds);
    ProtobufCMessage *value = NULL;

    CU_ASSERT_EQUAL(mesh__payload_unpack(message, 0, type, &value), status);
    CU_ASSERT_EQUAL(value != NULL, status == APR_SUCCESS);
    if (value)
        check_packed(value, MESH__WRAP_NONE, again);
    free_message(message);
}

void check_same(const ProtobufCMessageDescriptor *type, const char *hex,
                const char *kinds)
{
    check_decoded(type, hex, kinds, APR_SUCCESS, hex);
}

void check_bad(const ProtobufCMessageDescriptor *type, const char *hex,
               const char *kinds, apr_status_t status)
{
    check_decoded(type, hex, kinds, status, NULL);
}

slots_t *new_slots(void)
{
    slots_t *slots = apr_palloc(test_pool(), sizeof(*slots));
    int i;

    for (i = 0; i <= MESH__MAX_RES; i++) {
        slots->variables[i] = fake_port(i);
        mesh__port__init(&slots->messages[i]);
        slots->messages[i].slot = (uintptr_t)&slots->variables[i];
        slots->pointers[i] = &slots->messages[i];
    }
    return slots;
}
