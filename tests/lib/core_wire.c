#include "config.h"

#include "core_wire.h"

#include <stdlib.h>
#include <string.h>

void wire_random_init(wire_random_t *random, apr_uint64_t seed)
{
    random->state = seed * 2 + 1;
    for (int i = 0; i < 8; i++)
        (void)wire_random_below(random, 2);
}

/* xorshift64* */
static apr_uint64_t draw(wire_random_t *random)
{
    apr_uint64_t x = random->state;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    random->state = x;
    return x * APR_UINT64_C(0x2545f4914f6cdd1d);
}

int wire_random_below(wire_random_t *random, int n)
{
    return (int)((draw(random) >> 33) % (apr_uint64_t)n);
}

void wire_random_fill(void *baton, void *buf, apr_size_t len)
{
    unsigned char *p = buf;

    for (apr_size_t i = 0; i < len; i++)
        p[i] = (unsigned char)(draw(baton) >> 56);
}

/* A test without memory has nothing to say. */
static mesh_message_t *alloc_event(apr_size_t len)
{
    mesh_message_t *event = mesh__message_alloc_event(len);

    if (event == NULL)
        abort();
    return event;
}

mesh_message_t *wire_pass(mesh_message_t *sent)
{
    apr_size_t res_len = sent->res_data_len;
    mesh_message_t *event =
        alloc_event(MESH__EVENT_HEAD_LEN + res_len + sent->len);
    unsigned char *p = event->event;

    memcpy(p, sent->head, MESH__EVENT_HEAD_LEN);
    p += MESH__EVENT_HEAD_LEN;
    if (res_len > 0)
        memcpy(p, sent->res_data, res_len);
    if (sent->len > 0)
        memcpy(p + res_len, sent->data, sent->len);
    if (mesh__message_handles_set(event, sent->handles, sent->n_handles)
        != APR_SUCCESS)
        abort();
    mesh__message_free(sent);
    return event;
}

mesh_message_t *wire_event(const mesh_id_t *port, int type, int flags,
                           apr_uint64_t seq, const void *body, apr_size_t len)
{
    mesh_message_t *event = alloc_event(MESH__EVENT_HEAD_LEN + len);
    mesh__event_head_t head;

    head.port = *port;
    head.type = type;
    head.flags = flags;
    head.seq = seq;
    head.n_res = 0;
    head.len = (apr_uint32_t)len;
    mesh__event_head_put(event->event, &head);
    if (len > 0)
        memcpy(event->event + MESH__EVENT_HEAD_LEN, body, len);
    return event;
}

mesh_message_t *wire_event_res(const mesh_id_t *port, int flags,
                               apr_uint64_t seq, const mesh__res_data_t *res,
                               int n_res)
{
    mesh_message_t *event = alloc_event(
        MESH__EVENT_HEAD_LEN + (apr_size_t)n_res * MESH__RES_DATA_LEN);
    mesh__event_head_t head;

    head.port = *port;
    head.type = MESH__EV_MESSAGE;
    head.flags = flags;
    head.seq = seq;
    head.n_res = (apr_uint32_t)n_res;
    head.len = 0;
    mesh__event_head_put(event->event, &head);
    for (int i = 0; i < n_res; i++)
        mesh__res_data_put(event->event + MESH__EVENT_HEAD_LEN
                               + (apr_size_t)i * MESH__RES_DATA_LEN,
                           &res[i]);
    return event;
}
