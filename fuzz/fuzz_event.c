/* A hostile node against a core with ports in all states. A file is a
 * sequence of steps, the first byte of each says what: an event of any bytes,
 * an event made of parts that fit (ids of ports that exist, numbers that are
 * near), or something that the user of the core does.
 *
 * Checked at the end: when the node is lost and the user has closed his ports,
 * nothing goes on. */
#include "config.h"

#include "core_wire.h"
#include "fuzz.h"
#include "port.h"

#include <stdlib.h>
#include <string.h>

enum { PORTS_MAX = 64, IDS_MAX = 24, RES_MAX = 8, RAW_MAX = 2048 };

typedef struct rig_t {
    mesh__core_t *core;
    wire_random_t random;
    mesh_id_t self, hostile, other;
    mesh_port_t *ports[PORTS_MAX]; /* held */
    mesh_id_t ids[IDS_MAX];        /* of ports, that the hostile node knows */
    int n_ids;
    int n_handles; /* taken in and not yet given back */
    const unsigned char *data;
    size_t left;
} rig_t;

static void must(int holds)
{
    if (!holds)
        abort();
}

static int next(rig_t *rig)
{
    if (rig->left == 0)
        return 0;
    rig->left--;
    return *rig->data++;
}

static void know(rig_t *rig, const mesh_id_t *id)
{
    rig->ids[rig->n_ids++ % IDS_MAX] = *id;
}

static void hold(rig_t *rig, mesh_port_t **port)
{
    for (int i = 0; i < PORTS_MAX; i++)
        if (rig->ports[i] == NULL) {
            rig->ports[i] = *port;
            *port = NULL;
            return;
        }
}

static mesh_port_t **pick(rig_t *rig)
{
    int from = next(rig);

    for (int i = 0; i < PORTS_MAX; i++) {
        mesh_port_t **port = &rig->ports[(from + i) % PORTS_MAX];

        if (*port != NULL)
            return port;
    }
    return NULL;
}

static void dispose(rig_t *rig, mesh_message_t *message)
{
    for (int i = 0; i < message->n_res; i++) {
        mesh__res_t *res = &message->res[i];

        if (res->kind == MESH__RES_PORT && res->u.port != NULL)
            mesh__core_close(rig->core, &res->u.port);
        else if (res->kind == MESH__RES_HANDLE
                 && res->u.handle != MESH__HANDLE_NONE)
            rig->n_handles--;
    }
    rig->n_handles -= message->n_handles;
    mesh__message_free(message);
}

/* The hostile node learns the ids in what is sent to it. */
static void learn(rig_t *rig, const mesh_message_t *sent)
{
    for (apr_size_t at = 0; at < sent->res_data_len;
         at += MESH__RES_DATA_LEN) {
        mesh__res_data_t res;

        mesh__res_data_get(sent->res_data + at, &res);
        know(rig, &res.old.port);
        know(rig, &res.peer.port);
    }
}

static void drain(rig_t *rig)
{
    mesh__out_t out;

    while (mesh__core_next(rig->core, &out))
        switch (out.kind) {
        case MESH__OUT_SEND:
            learn(rig, out.message);
            rig->n_handles -= out.message->n_handles;
            mesh__message_free(out.message);
            if (!mesh__id_equal(&out.node, &rig->hostile)
                && !mesh__id_equal(&out.node, &rig->other))
                mesh__core_node_lost(rig->core, &out.node); /* no way */
            break;
        case MESH__OUT_READY:
            break;
        case MESH__OUT_DROP:
            dispose(rig, out.message);
            break;
        }
}

/* ---- events ---- */

static void arrive(rig_t *rig, mesh_message_t *event, int n_handles,
                   int handles_lost)
{
    intptr_t handles[4] = {10, 11, 12, 13};
    const mesh_id_t *from =
        n_handles & 4 ? &rig->other : &rig->hostile; /* rarely */

    n_handles &= 3;
    must(mesh__message_handles_set(event, handles, n_handles) == APR_SUCCESS);
    rig->n_handles += n_handles;
    event->handles_lost = handles_lost;
    must(mesh__core_event(rig->core, from, &event) != APR_ENOMEM);
    must(event == NULL);
    drain(rig);
}

static void raw_event(rig_t *rig)
{
    int n_handles = next(rig) & 3;
    apr_size_t len = (apr_size_t)next(rig) << 3 | 7;
    mesh_message_t *event;

    if (len > rig->left)
        len = rig->left;
    event = mesh__message_alloc_event(len);
    must(event != NULL);
    if (len > 0)
        memcpy(event->event, rig->data, len);
    rig->data += len;
    rig->left -= len;
    arrive(rig, event, n_handles, 0);
}

static mesh_id_t some_port(rig_t *rig)
{
    int n = next(rig);
    mesh_id_t id;

    if (n < 0xc0 && rig->n_ids > 0)
        return rig->ids[n % (rig->n_ids < IDS_MAX ? rig->n_ids : IDS_MAX)];
    memset(&id, n, sizeof(id)); /* made up */
    if (n == 0xff)
        memset(&id, 0, sizeof(id));
    else
        know(rig, &id);
    return id;
}

static mesh_id_t some_node(rig_t *rig)
{
    const mesh_id_t *nodes[4];

    nodes[0] = &rig->hostile;
    nodes[1] = &rig->self;
    nodes[2] = &rig->other;
    nodes[3] = &rig->hostile;
    return *nodes[next(rig) & 3];
}

/* Mostly small, sometimes near the ends of the range. */
static apr_uint64_t some_number(rig_t *rig)
{
    int n = next(rig);

    if (n < 0xf0)
        return (apr_uint64_t)(n & 15);
    return ((apr_uint64_t)(n & 1) << 63) - (apr_uint64_t)(n & 6);
}

static void made_event(rig_t *rig)
{
    int type = next(rig) % 7;
    int flags = next(rig);
    mesh_id_t port = some_port(rig);
    apr_uint64_t seq = some_number(rig);
    mesh__res_data_t res[RES_MAX];
    unsigned char body[MESH__CHANGE_PEER_LEN];
    mesh__change_peer_t change;
    int n_res = flags & 4 ? next(rig) % RES_MAX : 0;

    memset(res, 0, sizeof(res));
    for (int i = 0; i < n_res; i++) {
        res[i].id = some_port(rig);
        res[i].next_local_seq = some_number(rig);
        res[i].old.node = some_node(rig);
        res[i].old.port = some_port(rig);
        res[i].peer.node = some_node(rig);
        res[i].peer.port = some_port(rig);
    }
    if (n_res > 0 || type == MESH__EV_MESSAGE) {
        arrive(rig, wire_event_res(&port, flags & 3, seq, res, n_res),
               flags >> 4 & 7, (flags & 0x88) == 0x88);
        return;
    }
    change.peer.node = some_node(rig);
    change.peer.port = some_port(rig);
    change.seq_delta = some_number(rig);
    mesh__change_peer_put(body, &change);
    arrive(rig, wire_event(&port, type, flags & 3, seq, body, sizeof(body)),
           flags & 0x80 ? 4 : 0, 0);
}

/* ---- the user ---- */

static void user_pair(rig_t *rig)
{
    mesh_port_t *a, *b;

    must(mesh__core_pair(rig->core, &a, &b) == APR_SUCCESS);
    know(rig, (const mesh_id_t *)a); /* it begins with its id */
    hold(rig, &a);
    hold(rig, &b);
    if (a != NULL)
        mesh__core_close(rig->core, &a);
    if (b != NULL)
        mesh__core_close(rig->core, &b);
}

static void user_send(rig_t *rig)
{
    mesh_port_t **over = pick(rig), **moved = pick(rig);
    mesh_message_t *message = mesh__message_alloc(4);
    int last = next(rig) & 1;
    mesh__res_t res;

    must(message != NULL);
    memset(message->data, 0, 4);
    if (over == NULL) {
        mesh__message_free(message);
        return;
    }
    res.kind = MESH__RES_PORT;
    res.u.port = *moved;
    if (moved != over)
        must(mesh__message_res_add(message, res) == APR_SUCCESS);
    if (mesh__core_send(rig->core, *over, &message, last) == APR_SUCCESS) {
        if (moved != over)
            *moved = NULL;
    }
    else
        mesh__message_free(message); /* the port is still held */
}

static void user_recv(rig_t *rig)
{
    mesh_port_t **port = pick(rig);
    mesh_message_t *message;

    if (port == NULL
        || mesh__core_recv(rig->core, *port, &message) != APR_SUCCESS)
        return;
    for (int i = 0; i < message->n_res; i++) {
        mesh__res_t *res = &message->res[i];

        if (res->kind == MESH__RES_PORT && res->u.port != NULL) {
            mesh__core_hold(rig->core, res->u.port);
            hold(rig, &res->u.port);
        }
    }
    dispose(rig, message);
}

static void step(rig_t *rig)
{
    mesh_port_t **a, **b;

    switch (next(rig) & 15) {
    case 0:
        raw_event(rig);
        break;
    case 1:
        user_pair(rig);
        break;
    case 2:
    case 3:
        user_send(rig);
        break;
    case 4:
    case 5:
        user_recv(rig);
        break;
    case 6:
        a = pick(rig);
        if (a != NULL)
            mesh__core_close(rig->core, a);
        break;
    case 7:
        a = pick(rig);
        b = pick(rig);
        if (a != b)
            (void)mesh__core_bridge(rig->core, a, b);
        break;
    case 8:
        a = pick(rig);
        if (a != NULL)
            mesh__core_fail(rig->core, *a);
        break;
    default:
        made_event(rig);
        break;
    }
    drain(rig);
}

/* ---- start and end ---- */

/* Ports with either node for peer, a pair, and of each one in a message to
 * each node. */
static void start(rig_t *rig)
{
    const mesh_id_t *nodes[2];

    nodes[0] = &rig->hostile;
    nodes[1] = &rig->other;
    memset(&rig->self, 0x11, sizeof(rig->self));
    memset(&rig->hostile, 0x77, sizeof(rig->hostile));
    memset(&rig->other, 0x88, sizeof(rig->other));
    wire_random_init(&rig->random, 1);
    must(mesh__core_create(&rig->core, &rig->self, wire_random_fill,
                           &rig->random)
         == APR_SUCCESS);
    for (int i = 0; i < 8; i++) {
        mesh__addr_t peer;
        mesh_port_t *port;
        mesh_id_t id;

        memset(&id, 0x20 + i, sizeof(id));
        peer.node = *nodes[i & 1];
        peer.port = id;
        must(mesh__core_adopt(rig->core, &id, &peer, &port) == APR_SUCCESS);
        hold(rig, &port);
        know(rig, &id);
    }
    for (int i = 0; i < 2; i++) {
        mesh_message_t *message = mesh__message_alloc(0);
        mesh__res_t res;

        must(message != NULL);
        res.kind = MESH__RES_PORT;
        res.u.port = rig->ports[2 + i];
        rig->ports[2 + i] = NULL;
        must(mesh__message_res_add(message, res) == APR_SUCCESS);
        must(mesh__core_send(rig->core, rig->ports[i], &message, 0)
             == APR_SUCCESS);
    }
    user_pair(rig);
    drain(rig);
}

static void lose(rig_t *rig, const mesh_id_t *node)
{
    mesh__core_node_lost(rig->core, node);
    drain(rig);
}

static void close_all(rig_t *rig)
{
    for (int i = 0; i < PORTS_MAX; i++)
        if (rig->ports[i] != NULL) {
            mesh__core_close(rig->core, &rig->ports[i]);
            drain(rig);
        }
}

/* Ports that the user has sent into each other may be left. */
static void check_ended(rig_t *rig)
{
    const mesh_port_t *port;
    apr_size_t i = 0;

    must(mesh__core_n_moving(rig->core) == 0);
    while ((port = mesh__table_next(&rig->core->ports, &i)) != NULL)
        must(port->is_owned);
    mesh__core_end(rig->core);
    drain(rig);
    must(mesh__core_n_ports(rig->core) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rig_t *rig = calloc(1, sizeof(*rig));
    int is_closed_first;

    must(rig != NULL);
    rig->data = data;
    rig->left = size < RAW_MAX * 4 ? size : RAW_MAX * 4;
    start(rig);
    is_closed_first = next(rig) & 1;
    while (rig->left > 0)
        step(rig);
    if (is_closed_first)
        close_all(rig);
    lose(rig, &rig->other);
    lose(rig, &rig->hostile);
    close_all(rig);
    check_ended(rig);
    must(rig->n_handles == 0);
    mesh__core_destroy(rig->core);
    free(rig);
    return 0;
}
