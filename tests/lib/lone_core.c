#include "config.h"

#include "lone_core.h"

#include "core_wire.h"
#include "harness.h"

#include <stdlib.h>
#include <string.h>

mesh_id_t lone_id(int first, int last)
{
    mesh_id_t id;

    memset(id.bytes, first, sizeof(id.bytes));
    id.bytes[15] = (unsigned char)last;
    return id;
}

mesh__addr_t lone_addr(const mesh_id_t *node, int last)
{
    mesh__addr_t addr;

    addr.node = *node;
    addr.port = lone_id(0x50, last);
    return addr;
}

static void next_id(void *baton, void *buf, apr_size_t len)
{
    lone_t *lone = baton;
    unsigned char *bytes = buf;

    memset(bytes, 0, len);
    if (len != sizeof(mesh_id_t))
        return; /* keys of tables */
    if (lone->ids != NULL && *lone->ids != 0)
        bytes[15] = *lone->ids++;
    else {
        lone->n_ids++;
        bytes[13] = 1;
        bytes[14] = (unsigned char)(lone->n_ids >> 8);
        bytes[15] = (unsigned char)lone->n_ids;
    }
}

void lone_init(lone_t *lone)
{
    memset(lone, 0, sizeof(*lone));
    lone->self = lone_id(0xa0, 1);
    lone->b = lone_id(0xa0, 2);
    lone->c = lone_id(0xa0, 3);
    lone->outs = malloc(LONE_OUTS_MAX * sizeof(*lone->outs));
    CU_ASSERT_PTR_NOT_NULL_FATAL(lone->outs);
    TEST_OK(mesh__core_create(&lone->core, &lone->self, next_id, lone));
}

void lone_fini(lone_t *lone)
{
    lone_drain(lone);
    CU_ASSERT_EQUAL(lone->n_outs, 0);
    mesh__core_end(lone->core);
    lone_drain(lone);
    mesh__core_destroy(lone->core);
    free(lone->outs);
}

mesh_port_t *lone_port(lone_t *lone, int last, const mesh_id_t *node)
{
    mesh_id_t id = lone_id(0x11, last);
    mesh__addr_t peer = lone_addr(node, last);
    mesh_port_t *port;

    TEST_OK(mesh__core_adopt(lone->core, &id, &peer, &port));
    return port;
}

static void put_out(lone_t *lone, mesh_message_t *sent, const mesh_id_t *node)
{
    mesh_message_t *event;
    lone_out_t *out = &lone->outs[lone->n_outs++];

    CU_ASSERT_FATAL(lone->n_outs <= LONE_OUTS_MAX);
    event = wire_pass(sent);
    out->node = *node;
    out->len = event->event_len;
    CU_ASSERT_FATAL(out->len <= LONE_BODY_MAX);
    memcpy(out->bytes, event->event, out->len);
    TEST_OK(mesh__event_head_get(out->bytes, out->len, &out->head));
    out->n_handles = event->n_handles;
    mesh__message_free(event);
}

static void dispose(lone_t *lone, mesh_message_t *message)
{
    for (int i = 0; i < message->n_res; i++) {
        mesh__res_t *res = &message->res[i];

        if (res->kind == MESH__RES_PORT && res->u.port != NULL)
            mesh__core_close(lone->core, &res->u.port);
        if (res->kind == MESH__RES_HANDLE
            && res->u.handle != MESH__HANDLE_NONE)
            lone->n_dropped++;
    }
    lone->n_dropped += message->n_handles;
    mesh__message_free(message);
}

void lone_drain(lone_t *lone)
{
    mesh__out_t out;

    while (mesh__core_next(lone->core, &out))
        switch (out.kind) {
        case MESH__OUT_SEND:
            put_out(lone, out.message, &out.node);
            break;
        case MESH__OUT_READY:
            lone->n_ready++;
            break;
        case MESH__OUT_DROP:
            dispose(lone, out.message);
            break;
        }
}

apr_status_t lone_event(lone_t *lone, const mesh_id_t *from,
                        mesh_message_t *event)
{
    apr_status_t rv = mesh__core_event(lone->core, from, &event);

    CU_ASSERT_PTR_NULL(event);
    lone_drain(lone);
    return rv;
}

apr_status_t lone_simple(lone_t *lone, const mesh_id_t *from, mesh_port_t *to,
                         int type, int flags, apr_uint64_t seq)
{
    const mesh_id_t *id = (const mesh_id_t *)to; /* it begins with it */
    unsigned char body[MESH__CHANGE_PEER_LEN];
    mesh__change_peer_t change;

    switch (type) {
    case MESH__EV_MESSAGE:
        return lone_event(lone, from,
                          wire_event(id, type, flags, seq, "x", 2));
    case MESH__EV_CHANGE_PEER:
        change.peer = lone_addr(&lone->c, 0x77);
        change.seq_delta = 0;
        mesh__change_peer_put(body, &change);
        return lone_event(lone, from,
                          wire_event(id, type, 0, seq, body, sizeof(body)));
    case MESH__EV_FAIL_PORT:
        return lone_event(
            lone, from,
            wire_event(id, type, 0, seq, lone->b.bytes, MESH__FAIL_PORT_LEN));
    default:
        return lone_event(lone, from, wire_event(id, type, 0, seq, NULL, 0));
    }
}

void lone_expect(lone_t *lone, const mesh_id_t *node, const mesh_id_t *port,
                 int type, int flags, apr_uint64_t seq,
                 const lone_out_t **ret_out)
{
    static lone_out_t out;

    lone_drain(lone);
    CU_ASSERT_FATAL(lone->n_outs > 0);
    out = lone->outs[0];
    lone->n_outs--;
    memmove(lone->outs, lone->outs + 1,
            (size_t)lone->n_outs * sizeof(*lone->outs));
    CU_ASSERT(mesh__id_equal(&out.node, node));
    CU_ASSERT(port == NULL || mesh__id_equal(&out.head.port, port));
    CU_ASSERT_EQUAL(out.head.type, type);
    CU_ASSERT_EQUAL(out.head.flags, flags);
    CU_ASSERT_EQUAL(out.head.seq, seq);
    if (ret_out != NULL)
        *ret_out = &out;
}

mesh_message_t *lone_text(const char *text)
{
    mesh_message_t *message = mesh__message_alloc(strlen(text) + 1);

    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    memcpy(message->data, text, message->len);
    return message;
}

static mesh_message_t *with(mesh__res_t res)
{
    mesh_message_t *message = lone_text("with");

    TEST_OK(mesh__message_res_add(message, res));
    return message;
}

mesh_message_t *lone_with_port(mesh_port_t *port)
{
    mesh__res_t res;

    res.kind = MESH__RES_PORT;
    res.u.port = port;
    return with(res);
}

mesh_message_t *lone_with_handle(intptr_t handle)
{
    mesh__res_t res;

    res.kind = MESH__RES_HANDLE;
    res.u.handle = handle;
    return with(res);
}

void lone_send(lone_t *lone, mesh_port_t *port, mesh_message_t *message)
{
    TEST_OK(mesh__core_send(lone->core, port, &message, 0));
    CU_ASSERT_PTR_NULL(message);
    lone_drain(lone);
}

void lone_recv_text(lone_t *lone, mesh_port_t *port, const char *text)
{
    mesh_message_t *message;

    TEST_OK(mesh__core_recv(lone->core, port, &message));
    CU_ASSERT_STRING_EQUAL((char *)message->data, text);
    CU_ASSERT_EQUAL(message->n_res, 0);
    mesh__message_free(message);
}

mesh_port_t *lone_recv_port(lone_t *lone, mesh_port_t *port)
{
    mesh_message_t *message;
    mesh_port_t *got;

    TEST_OK(mesh__core_recv(lone->core, port, &message));
    CU_ASSERT_EQUAL_FATAL(message->n_res, 1);
    CU_ASSERT_EQUAL_FATAL(message->res[0].kind, MESH__RES_PORT);
    got = message->res[0].u.port;
    mesh__core_hold(lone->core, got);
    mesh__message_free(message);
    return got;
}

apr_status_t lone_recv_status(lone_t *lone, mesh_port_t *port)
{
    mesh_message_t *message = NULL;
    apr_status_t rv = mesh__core_recv(lone->core, port, &message);

    CU_ASSERT_PTR_NULL(message);
    return rv;
}

void lone_close(lone_t *lone, mesh_port_t *port)
{
    mesh__core_close(lone->core, &port);
    CU_ASSERT_PTR_NULL(port);
    lone_drain(lone);
}
