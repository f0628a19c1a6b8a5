/* Several cores in one process, with links that deliver in random order:
 * ports are made, sent on, sent back, joined and closed, while messages are
 * under way in all directions.
 *
 * Beside the cores there is a model: every end of a pipe has a list of the
 * messages that it is still to receive. A core must give exactly these. In
 * half of the runs nodes are lost and ports are failed, and a port may end
 * early; but what it gives until then is still in order and without gaps. In
 * the other half nodes leave in order, and no port may fail.
 *
 * A message carries its number and the numbers of the ends in it. So that no
 * end can come to wait inside itself, ends are in classes, and travel through
 * lower classes only; the class 0 are pipes that stay. */
#include "config.h"

#include "core_wire.h"
#include "harness.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NODES_MAX = 5,
    ENDS_MAX = 400,
    CARRIED_MAX = 3,
    LINK_MAX = 4096,
    CLASSES = 4,
    CLOSE = -1,
    HANDLE_BASE = 1000000
};

typedef struct end_t {
    int number;
    int class;
    int node; /* who holds it; -1: it is in a message, or gone */
    mesh_port_t *port;
    struct end_t *peer; /* NULL: nothing more passes */
    int *due;           /* what is to be received */
    int n_due;
    int due_cap;
    int is_closed;
    int is_half_closed; /* sent its last message, still receives */
    int is_loose;       /* and what the other end sends may be dropped */
    int is_cut;         /* the other end had ended when it was sent on */
    int has_ended;      /* has received the close */
    int is_ready;
} end_t;

typedef struct payload_t {
    int number;
    int n_ends;
    int ends[CARRIED_MAX];
} payload_t;

typedef struct world_t {
    wire_random_t random;
    int n_nodes;
    int has_failures;                   /* ports may fail in this run */
    int by_ready;                       /* receive only when told to */
    int window;                         /* how far a link reorders */
    mesh__core_t *cores[NODES_MAX];     /* NULL: lost, or has left */
    int is_leaving[NODES_MAX];          /* does nothing more of its own */
    int is_ended[NODES_MAX][NODES_MAX]; /* the link: nothing comes after it */
    mesh_id_t ids[NODES_MAX];
    mesh_message_t *links[NODES_MAX][NODES_MAX][LINK_MAX];
    int n_link[NODES_MAX][NODES_MAX];
    end_t ends[ENDS_MAX];
    int n_ends;
    int n_messages;
    int n_handles;
    const char *wrong;
} world_t;

static void check(world_t *w, int holds, const char *what)
{
    if (!holds && w->wrong == NULL)
        w->wrong = what;
}

static int below(world_t *w, int n)
{
    return wire_random_below(&w->random, n);
}

/* ---- the model ---- */

static void due_put(end_t *end, int number)
{
    if (end->n_due == end->due_cap) {
        end->due_cap = end->due_cap > 0 ? 2 * end->due_cap : 8;
        end->due = realloc(end->due, (size_t)end->due_cap * sizeof(*end->due));
        assert(end->due != NULL);
    }
    end->due[end->n_due++] = number;
}

static int due_take(end_t *end)
{
    int first = end->due[0];

    end->n_due--;
    memmove(end->due, end->due + 1, (size_t)end->n_due * sizeof(*end->due));
    return first;
}

static end_t *end_add(world_t *w, int class, int node, mesh_port_t *port)
{
    end_t *end = &w->ends[w->n_ends];

    memset(end, 0, sizeof(*end));
    end->number = w->n_ends++;
    end->class = class;
    end->node = node;
    end->port = port;
    mesh__port_user_set(port, end);
    return end;
}

static void model_close(end_t *end)
{
    if (end->peer != NULL && !end->is_cut && !end->is_half_closed
        && !end->peer->is_closed && !end->peer->has_ended)
        due_put(end->peer, CLOSE);
    end->is_closed = 1;
    end->node = -1;
    end->port = NULL;
    end->n_due = 0;
}

/* A port that has had the last message drops what is sent on it, and its user
 * can tell; but if it had it while in a message, it may look open for a while
 * when it is taken out elsewhere. */
static void half_closed_update(end_t *end)
{
    if (end != NULL && end->is_half_closed && end->peer != NULL
        && end->peer->node < 0)
        end->is_loose = 1;
}

static apr_status_t end_status(world_t *w, const end_t *end)
{
    return mesh__core_status(w->cores[end->node], end->port, NULL);
}

static int is_dead(world_t *w, const end_t *end)
{
    return end->is_cut || end_status(w, end) != APR_SUCCESS;
}

/* One that has sent its last message cannot be given away before the answer
 * to it is there. */
static int may_leave(world_t *w, const end_t *end)
{
    return !end->is_half_closed || end_status(w, end) != APR_SUCCESS;
}

/* ---- outputs ---- */

static int node_of(world_t *w, const mesh_id_t *id)
{
    int i = 0;

    while (!mesh__id_equal(&w->ids[i], id))
        i++;
    return i;
}

static void handles_gone(world_t *w, const mesh_message_t *message)
{
    w->n_handles -= message->n_handles + mesh__message_count_handles(message);
}

/* What the layer above does with a message nobody wants. */
static void dispose(world_t *w, int node, mesh_message_t *message)
{
    payload_t payload;
    int n = 0;

    memcpy(&payload, message->data, sizeof(payload));
    for (int i = 0; i < message->n_res; i++)
        if (message->res[i].kind == MESH__RES_PORT) {
            model_close(&w->ends[payload.ends[n++]]);
            mesh__core_close(w->cores[node], &message->res[i].u.port);
        }
    handles_gone(w, message);
    mesh__message_free(message);
}

/* There is no link to a lost node, and none can be made. That a node has left
 * is seen after all that it has sent. */
static void pass_on(world_t *w, int from, int to, mesh_message_t *message)
{
    if (w->cores[to] != NULL) {
        assert(w->n_link[from][to] < LINK_MAX);
        w->links[from][to][w->n_link[from][to]++] = wire_pass(message);
        return;
    }
    handles_gone(w, message);
    mesh__message_free(message);
    if (!w->is_ended[to][from])
        mesh__core_node_lost(w->cores[from], &w->ids[to]);
}

static void drain(world_t *w, int node)
{
    mesh__out_t out;

    while (mesh__core_next(w->cores[node], &out))
        switch (out.kind) {
        case MESH__OUT_SEND:
            pass_on(w, node, node_of(w, &out.node), out.message);
            break;
        case MESH__OUT_READY: {
            end_t *end = mesh__port_user(out.port);

            check(w, end != NULL && end->port == out.port,
                  "ready, but not held");
            if (end != NULL)
                end->is_ready = 1;
            break;
        }
        case MESH__OUT_DROP:
            dispose(w, node, out.message);
            break;
        }
}

/* ---- actions ---- */

/* A random end that is held, of a class within bounds, on `node` or (-1)
 * anywhere; NULL if chance finds none. */
static end_t *pick(world_t *w, int node, int class_min, int class_max)
{
    for (int tries = 0; tries < 20; tries++) {
        end_t *end = &w->ends[below(w, w->n_ends)];

        if (end->node >= 0 && (node < 0 || end->node == node)
            && end->class >= class_min && end->class <= class_max)
            return end;
    }
    return NULL;
}

static void act_pair(world_t *w)
{
    int node = below(w, w->n_nodes);
    int class = 1 + below(w, CLASSES - 1);
    mesh_port_t *a, *b;
    end_t *end_a, *end_b;

    if (w->cores[node] == NULL || w->is_leaving[node]
        || w->n_ends + 2 > ENDS_MAX)
        return;
    check(w, mesh__core_pair(w->cores[node], &a, &b) == APR_SUCCESS, "pair");
    end_a = end_add(w, class, node, a);
    end_b = end_add(w, class, node, b);
    end_a->peer = end_b;
    end_b->peer = end_a;
}

static void put_end(end_t *end, mesh_message_t *message)
{
    mesh__res_t res;

    res.kind = MESH__RES_PORT;
    res.u.port = end->port;
    if (mesh__message_res_add(message, res) != APR_SUCCESS)
        abort();
    mesh__port_user_set(end->port, NULL);
    end->node = -1;
    end->port = NULL;
    end->is_ready = 0;
    half_closed_update(end->peer);
}

/* Put in some ends of the same node, and sometimes a handle. */
static mesh_message_t *compose(world_t *w, end_t *over)
{
    mesh_message_t *message = mesh__message_alloc(sizeof(payload_t));
    int n = below(w, 2) == 0 ? 0 : 1 + below(w, CARRIED_MAX);
    payload_t payload;

    assert(message != NULL);
    memset(&payload, 0, sizeof(payload));
    payload.number = ++w->n_messages;
    for (int i = 0; i < n; i++) {
        end_t *end = pick(w, over->node, over->class + 1, CLASSES);

        if (end == NULL || !may_leave(w, end))
            continue;
        end->is_cut |= is_dead(w, end);
        payload.ends[payload.n_ends++] = end->number;
        put_end(end, message);
    }
    if (below(w, 4) == 0) {
        mesh__res_t res;

        res.kind = MESH__RES_HANDLE;
        res.u.handle = HANDLE_BASE + payload.number;
        if (mesh__message_res_add(message, res) != APR_SUCCESS)
            abort();
        w->n_handles++;
    }
    memcpy(message->data, &payload, sizeof(payload));
    return message;
}

static void act_send(world_t *w, end_t *end, int last)
{
    mesh_message_t *message;
    int arrives;

    if (end == NULL || end->is_half_closed)
        return;
    arrives = !is_dead(w, end) && end->peer != NULL && !end->peer->is_closed;
    message = compose(w, end);
    if (arrives)
        due_put(end->peer, w->n_messages);
    check(w,
          mesh__core_send(w->cores[end->node], end->port, &message, last)
                  == APR_SUCCESS
              && message == NULL,
          "send");
    if (last) {
        if (arrives)
            due_put(end->peer, CLOSE);
        end->is_half_closed = 1;
        half_closed_update(end);
    }
    drain(w, end->node);
}

static void received(world_t *w, end_t *end, mesh_message_t *message)
{
    mesh__core_t *core = w->cores[end->node];
    payload_t payload;
    int n = 0;

    memcpy(&payload, message->data, sizeof(payload));
    check(w, end->n_due > 0 && due_take(end) == payload.number,
          "not the message that was due");
    for (int i = 0; i < message->n_res; i++) {
        const mesh__res_t *res = &message->res[i];
        end_t *carried;

        if (res->kind == MESH__RES_HANDLE) {
            check(w, res->u.handle == HANDLE_BASE + payload.number,
                  "not the handle that was sent");
            continue;
        }
        carried = &w->ends[payload.ends[n++]];
        carried->node = end->node;
        carried->port = res->u.port;
        mesh__port_user_set(res->u.port, carried);
        mesh__core_hold(core, res->u.port);
    }
    check(w, n == payload.n_ends, "ports are missing");
    handles_gone(w, message);
    mesh__message_free(message);
}

/* Receive `max` messages, or what there is. */
static void act_recv(world_t *w, end_t *end, int max)
{
    apr_status_t rv = APR_SUCCESS;

    if (end == NULL || (w->by_ready && !end->is_ready))
        return;
    end->is_ready = 0;
    for (int n = 0; n < max || w->by_ready; n++) {
        mesh_message_t *message;

        rv = mesh__core_recv(w->cores[end->node], end->port, &message);
        if (rv != APR_SUCCESS)
            break;
        received(w, end, message);
    }
    drain(w, end->node);
    if (rv == MESH_E_CLOSED && !end->has_ended) {
        if (end->is_loose)
            end->n_due = 0;
        else if (end->n_due > 0)
            check(w, due_take(end) == CLOSE, "closed, but messages are due");
        else
            check(w, end->is_half_closed, "closed, but by nobody");
        end->has_ended = 1;
    }
    else if (rv == MESH_E_FAILED && end->is_half_closed) {
        /* Who answered has left, and the answer was behind what comes from
         * others. */
        end->has_ended = 1;
        end->is_loose = 1;
    }
    else if (rv == MESH_E_FAILED)
        check(w, w->has_failures, "failed");
}

static void act_close(world_t *w, end_t *end)
{
    mesh_port_t *port;
    int node;

    if (end == NULL)
        return;
    node = end->node;
    port = end->port;
    model_close(end);
    mesh__core_close(w->cores[node], &port);
    drain(w, node);
}

static void due_move(end_t *to, end_t *from)
{
    for (int i = 0; i < from->n_due; i++)
        due_put(to, from->due[i]);
    from->n_due = 0;
}

/* One that was told of the end already, or is told without the other's doing,
 * passes it on. */
static void due_end(end_t *end)
{
    if ((end->has_ended || end->is_half_closed)
        && (end->n_due == 0 || end->due[end->n_due - 1] != CLOSE))
        due_put(end, CLOSE);
}

/* In the model: a and b are no more; what one was still to receive is due to
 * the other's peer. */
static void model_bridge(world_t *w, end_t *a, end_t *b)
{
    end_t *a_peer = is_dead(w, a) ? NULL : a->peer;
    end_t *b_peer = is_dead(w, b) ? NULL : b->peer;

    due_end(a);
    due_end(b);
    if (a_peer != NULL) {
        if (!a_peer->is_closed)
            due_move(a_peer, b);
        a_peer->peer = b_peer;
    }
    if (b_peer != NULL) {
        if (!b_peer->is_closed)
            due_move(b_peer, a);
        b_peer->peer = a_peer;
    }
    half_closed_update(a_peer);
    half_closed_update(b_peer);
    a->is_closed = b->is_closed = 1;
    a->node = b->node = -1;
    a->n_due = b->n_due = 0;
}

static void act_bridge(world_t *w, end_t *a)
{
    mesh_port_t *port_a, *port_b;
    apr_status_t rv;
    end_t *b;
    int node;

    if (a == NULL)
        return;
    b = pick(w, a->node, a->class, a->class);
    if (b == NULL || b == a || a->peer == b || b->peer == a || !may_leave(w, a)
        || !may_leave(w, b))
        return;
    node = a->node;
    port_a = a->port;
    port_b = b->port;
    mesh__port_user_set(port_a, NULL);
    mesh__port_user_set(port_b, NULL);
    model_bridge(w, a, b);
    rv = mesh__core_bridge(w->cores[node], &port_a, &port_b);
    check(w, rv == APR_SUCCESS && port_a == NULL && port_b == NULL, "bridge");
    drain(w, node);
}

static void link_drop(world_t *w, int from, int to)
{
    for (int i = 0; i < w->n_link[from][to]; i++) {
        handles_gone(w, w->links[from][to][i]);
        mesh__message_free(w->links[from][to][i]);
    }
    w->n_link[from][to] = 0;
}

/* A node that is leaving goes when nothing needs it any more; what it has sent
 * is still on its links, and their ends behind it. */
static void go_if_done(world_t *w, int node)
{
    mesh__core_t *core = w->cores[node];

    if (!w->is_leaving[node] || mesh__core_n_moving(core) > 0
        || mesh__core_n_closing(core) > 0)
        return;
    check(w, mesh__core_n_ports(core) == 0, "ports are left behind");
    mesh__core_destroy(core);
    w->cores[node] = NULL;
    for (int other = 0; other < w->n_nodes; other++) {
        link_drop(w, other, node);
        w->is_ended[node][other] = w->cores[other] != NULL;
    }
}

/* The last thing that a link delivers. */
static int deliver_end(world_t *w, int from, int to)
{
    if (!w->is_ended[from][to])
        return 0;
    w->is_ended[from][to] = 0;
    if (w->cores[to] == NULL)
        return 0;
    mesh__core_node_lost(w->cores[to], &w->ids[from]);
    drain(w, to);
    return 1;
}

/* Nobody waits for what could not be delivered. The ports in it fail. */
static void refused(world_t *w, const payload_t *payload)
{
    for (int i = 0; i < w->n_ends; i++)
        for (int n = 0; n < w->ends[i].n_due; n++)
            check(w, w->ends[i].due[n] != payload->number, "event refused");
    if (payload->n_ends > 0)
        w->has_failures = 1;
}

/* What is in a message on a link. */
static void payload_of(const mesh_message_t *event, payload_t *ret_payload)
{
    mesh__event_head_t head;

    memset(ret_payload, 0, sizeof(*ret_payload));
    if (mesh__event_head_get(event->event, event->event_len, &head)
            == APR_SUCCESS
        && (head.flags & MESH__EV_FLAG_MESSAGE))
        memcpy(ret_payload,
               event->event + MESH__EVENT_HEAD_LEN
                   + head.n_res * MESH__RES_DATA_LEN,
               sizeof(*ret_payload));
}

static int deliver_one(world_t *w, int from, int to)
{
    payload_t payload;
    mesh_message_t **link = w->links[from][to];
    int n = w->n_link[from][to];
    mesh_message_t *event;
    apr_status_t rv;
    int i;

    if (n == 0)
        return deliver_end(w, from, to);
    i = below(w, n < w->window ? n : w->window);
    event = link[i];
    memmove(link + i, link + i + 1, (size_t)(n - i - 1) * sizeof(*link));
    w->n_link[from][to]--;
    payload_of(event, &payload);
    rv = mesh__core_event(w->cores[to], &w->ids[from], &event);
    check(w, rv == APR_SUCCESS || rv == MESH_E_UNKNOWN_PORT || w->has_failures,
          "event refused");
    if (rv == MESH_E_UNKNOWN_PORT && !w->has_failures)
        refused(w, &payload);
    check(w, event == NULL && rv != APR_ENOMEM, "event not taken");
    drain(w, to);
    go_if_done(w, to);
    return 1;
}

static void deliver_all(world_t *w)
{
    int n;

    do {
        n = 0;
        for (int from = 0; from < w->n_nodes; from++)
            for (int to = 0; to < w->n_nodes; to++)
                n += deliver_one(w, from, to);
    } while (n > 0);
}

/* The node and all that is in it are gone. */
static void act_lose(world_t *w, int node)
{
    mesh__core_t *core = w->cores[node];
    mesh__out_t out;

    if (core == NULL)
        return;
    for (int i = 0; i < w->n_ends; i++)
        if (w->ends[i].node == node) {
            w->ends[i].is_closed = 1;
            w->ends[i].node = -1;
        }
    mesh__core_end(core);
    while (mesh__core_next(core, &out))
        if (out.message != NULL)
            dispose(w, node, out.message);
    mesh__core_destroy(core);
    w->cores[node] = NULL;
    for (int other = 0; other < w->n_nodes; other++) {
        link_drop(w, node, other);
        link_drop(w, other, node);
        if (w->cores[other] != NULL) {
            mesh__core_node_lost(w->cores[other], &w->ids[node]);
            drain(w, other);
        }
    }
}

/* The node closes all that it holds. */
static void act_leave(world_t *w, int node)
{
    if (w->cores[node] == NULL || w->is_leaving[node])
        return;
    w->is_leaving[node] = 1;
    for (int i = 0; i < w->n_ends; i++)
        if (w->ends[i].node == node)
            act_close(w, &w->ends[i]);
    go_if_done(w, node);
}

static void act_fail(world_t *w, end_t *end)
{
    if (end == NULL)
        return;
    mesh__core_fail(w->cores[end->node], end->port);
    check(w, end_status(w, end) == MESH_E_FAILED, "not failed");
    drain(w, end->node);
}

static void act(world_t *w)
{
    int what = below(w, 100);

    if (what < 8)
        act_pair(w);
    else if (what < 35)
        act_send(w, pick(w, -1, 0, CLASSES), 0);
    else if (what < 37)
        act_send(w, pick(w, -1, 1, CLASSES), 1);
    else if (what < 55)
        act_recv(w, pick(w, -1, 0, CLASSES), below(w, 4));
    else if (what < 60)
        act_close(w, pick(w, -1, 1, CLASSES));
    else if (what < 66)
        act_bridge(w, pick(w, -1, 1, CLASSES));
    else if (what == 66 && w->has_failures)
        act_fail(w, pick(w, -1, 1, CLASSES));
    else if (what == 67 && w->has_failures && below(w, 3) == 0)
        act_lose(w, 1 + below(w, w->n_nodes - 1));
    else if (what == 67 && !w->has_failures && below(w, 3) == 0)
        act_leave(w, 1 + below(w, w->n_nodes - 1));
    else
        for (int n = below(w, 4); n > 0; n--)
            (void)deliver_one(w, below(w, w->n_nodes), below(w, w->n_nodes));
}

/* ---- a run ---- */

/* Pipes that stay: between every two nodes, and one inside each. */
static void join_nodes(world_t *w)
{
    for (int i = 0; i < w->n_nodes; i++)
        for (int j = i; j < w->n_nodes; j++) {
            mesh__addr_t a, b;
            mesh_port_t *port;
            end_t *end_a, *end_b;

            a.node = w->ids[i];
            b.node = w->ids[j];
            mesh__core_fresh_id(w->cores[i], &a.port);
            mesh__core_fresh_id(w->cores[j], &b.port);
            if (mesh__core_adopt(w->cores[i], &a.port, &b, &port)
                != APR_SUCCESS)
                abort();
            end_a = end_add(w, 0, i, port);
            if (mesh__core_adopt(w->cores[j], &b.port, &a, &port)
                != APR_SUCCESS)
                abort();
            end_b = end_add(w, 0, j, port);
            end_a->peer = end_b;
            end_b->peer = end_a;
        }
}

static world_t *world_create(apr_uint64_t seed)
{
    world_t *w = calloc(1, sizeof(*w));

    assert(w != NULL);
    wire_random_init(&w->random, seed);
    w->n_nodes = 2 + below(w, NODES_MAX - 1);
    w->has_failures = below(w, 2);
    w->by_ready = below(w, 2);
    w->window = below(w, 4) == 0 ? 1 : LINK_MAX;
    for (int i = 0; i < w->n_nodes; i++) {
        wire_random_fill(&w->random, &w->ids[i], sizeof(w->ids[i]));
        if (mesh__core_create(&w->cores[i], &w->ids[i], wire_random_fill,
                              &w->random)
            != APR_SUCCESS)
            abort();
    }
    join_nodes(w);
    return w;
}

static void receive_all(world_t *w)
{
    int again;

    do {
        again = 0;
        deliver_all(w);
        for (int i = 0; i < w->n_ends; i++) {
            end_t *end = &w->ends[i];
            int n_due = end->n_due;

            if (end->node >= 0)
                act_recv(w, end, INT_MAX);
            again |= end->n_due != n_due;
        }
    } while (again);
}

/* All is delivered: nothing is missing, and no proxy is left. */
static void check_quiet(world_t *w)
{
    for (int i = 0; i < w->n_nodes; i++)
        check(w,
              w->cores[i] == NULL
                  || (!w->is_leaving[i]
                      && mesh__core_n_moving(w->cores[i]) == 0),
              "proxies are left");
    for (int i = 0; i < w->n_ends; i++) {
        const end_t *end = &w->ends[i];

        if (end->node < 0) {
            check(w, end->is_closed, "an end is lost");
            continue;
        }
        check(w, end->n_due == 0 || end->is_loose, "messages are missing");
        if (end->is_half_closed)
            check(w, end->has_ended, "the close is missing");
    }
}

static void check_empty(world_t *w)
{
    for (int i = 0; i < w->n_ends; i++)
        if (w->ends[i].node >= 0)
            act_close(w, &w->ends[i]);
    deliver_all(w);
    for (int i = 0; i < w->n_nodes; i++)
        for (int j = 0; j < w->n_nodes && w->has_failures; j++)
            if (i != j && w->cores[i] != NULL) {
                mesh__core_node_lost(w->cores[i], &w->ids[j]);
                drain(w, i);
                link_drop(w, i, j);
            }
    for (int i = 0; i < w->n_nodes; i++)
        if (w->cores[i] != NULL) {
            check(w, mesh__core_n_moving(w->cores[i]) == 0,
                  "ports are still moving");
            check(w, mesh__core_n_ports(w->cores[i]) == 0, "ports are left");
        }
    check(w, w->n_handles == 0, "handles are left");
}

static void world_destroy(world_t *w)
{
    for (int i = 0; i < w->n_nodes; i++)
        for (int j = 0; j < w->n_nodes; j++)
            link_drop(w, i, j);
    for (int i = 0; i < w->n_nodes; i++)
        if (w->cores[i] != NULL)
            mesh__core_destroy(w->cores[i]);
    for (int i = 0; i < w->n_ends; i++)
        free(w->ends[i].due);
    free(w);
}

static int run(apr_uint64_t seed)
{
    world_t *w = world_create(seed);
    int n_steps = 20 + below(w, 400);
    int is_right;

    for (int i = 0; i < n_steps && w->wrong == NULL; i++)
        act(w);
    if (w->wrong == NULL)
        receive_all(w);
    if (w->wrong == NULL && !w->has_failures)
        check_quiet(w);
    if (w->wrong == NULL)
        check_empty(w);
    is_right = w->wrong == NULL;
    if (!is_right)
        printf("seed %lu: %s\n", (unsigned long)seed, w->wrong);
    world_destroy(w);
    return is_right;
}

/* Seeds that once went wrong come first. */
static void random_runs(void)
{
    int n_wrong = 0;

    for (int seed = 1; seed <= test_scale(8000) && n_wrong < 10; seed++)
        n_wrong += !run((apr_uint64_t)seed);
    CU_ASSERT_EQUAL(n_wrong, 0);
}

int main(int argc, char **argv)
{
    static const test_case_t cases[] = {{"random_runs", random_runs},
                                        {NULL, NULL}};

    if (argc == 3 && strcmp(argv[1], "--seed") == 0)
        return !run((apr_uint64_t)strtoul(argv[2], NULL, 10));
    return test_main(argc, argv, "sim_core", cases);
}
