/* The life of a port (docs/PROTOCOL.md 2).
 *
 *  state     | MESSAGE    CHANGE_PEER  ACK_CHANGE  ACK_PORT    FAIL_PORT
 * -----------+------------------------------------------------------------
 *  Peered    | deliver;   ack, new     error       ignore      -> Failed
 *            | if close   peer
 *            | -> Done
 *  Sending   | keep       keep         keep        -> Proxying -> Failed
 *  Proxying  | forward    forward,     -> Done     ignore      -> Failed
 *            |            new peer
 *  Done      | refuse     refuse       refuse      ignore      ignore
 *  Failed    | refuse     refuse       refuse      ignore      ignore
 *
 * The first three are looked at in the order of their numbers; `error` fails
 * the port at both ends; `refuse` drops the event and, if it came from a port
 * of ours, fails that one. ACK_PORT counts from the node that the port was
 * sent to, FAIL_PORT from the nodes of peer and target and the one that the
 * port came from. Other inputs:
 *
 *  send            Peered: number and send; else drop
 *  closed by user  Peered: send a close, stay until the peer's comes
 *  failed by user  Peered: -> Failed
 *  moved, bridged  Peered, Done: -> Sending, Proxying; Failed: -> gone
 *  node lost       Peered, Sending, Proxying with an end there: -> Failed
 *
 * Done and Failed ports are freed as soon as nobody owns them. */
#include "config.h"

#include "port.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

mesh_port_t *mesh__port_alloc(mesh__core_t *core)
{
    mesh_port_t *port = calloc(1, sizeof(*port));

    if (port == NULL)
        return NULL;
    port->core = core;
    port->state = MESH__PEERED;
    port->next_send = 1;
    port->next_recv = 1;
    if (mesh__port_spares(port, 1) != APR_SUCCESS) {
        free(port);
        return NULL;
    }
    return port;
}

void mesh__port_free_new(mesh_port_t *port)
{
    mesh_message_t *spare;

    while ((spare = port->spare) != NULL) {
        port->spare = spare->next;
        mesh__message_free(spare);
    }
    if (port->stand_in != NULL)
        mesh__port_free_new(port->stand_in);
    free(port);
}

void mesh__port_enter(mesh_port_t *port)
{
    mesh__core_t *core = port->core;

    do
        mesh__core_fresh_id(core, &port->id);
    while (mesh__table_find(&core->ports, &port->id) != NULL);
    mesh__table_put(&core->ports, port);
}

/* Fail the port of ours that sent an event which cannot reach its end: the
 * other end could not tell it. Ports that came from a hostile node may name
 * any peer. */
static void bounce(mesh__core_t *core, const mesh_message_t *event,
                   const mesh_id_t *culprit)
{
    mesh_port_t *port;
    mesh__addr_t to;

    if ((event->type != MESH__EV_MESSAGE
         && event->type != MESH__EV_CHANGE_PEER)
        || mesh__id_is_zero(&event->src))
        return;
    port = mesh__table_find(&core->ports, &event->src);
    if (port == NULL || !mesh__port_is_live(port))
        return;
    to.node = core->self;
    to.port = event->dest;
    if (mesh__addr_equal(&port->peer, &to)
        || (port->state == MESH__PROXYING
            && mesh__addr_equal(&port->target, &to)))
        mesh__port_doom(port, culprit, 0);
}

static apr_status_t refuse(mesh__core_t *core, mesh_message_t *event,
                           const mesh_id_t *culprit, apr_status_t status)
{
    bounce(core, event, culprit);
    mesh__lose(core, event, culprit);
    return status;
}

apr_size_t mesh__event_cost(const mesh_message_t *event)
{
    return event->len + MESH__UNREAD_OVERHEAD;
}

mesh_message_t *mesh__port_inbox_take(mesh_port_t *port)
{
    mesh_message_t *message = mesh__queue_take(&port->inbox);

    if (message != NULL)
        port->waiting -= mesh__event_cost(message);
    return message;
}

static mesh_message_t *early_take(mesh_port_t *port)
{
    mesh_message_t *event = mesh__early_take(&port->early);

    port->waiting -= mesh__event_cost(event);
    port->n_early--;
    return event;
}

void mesh__port_inbox_drop(mesh_port_t *port)
{
    mesh_message_t *message;

    while ((message = mesh__port_inbox_take(port)) != NULL)
        mesh__drop(port->core, message);
}

static void drop_early(mesh_port_t *port, const mesh_id_t *culprit)
{
    while (port->early != NULL)
        (void)refuse(port->core, early_take(port), culprit, APR_SUCCESS);
}

void mesh__port_free(mesh_port_t *port)
{
    mesh__peer_t *origin = port->origin;
    mesh__core_t *core = port->core;

    assert(!port->is_doomed);
    mesh__port_ready_remove(port);
    mesh__port_inbox_drop(port);
    drop_early(port, &core->self);
    mesh__port_state_set(port, MESH__DONE);
    mesh__table_remove(&core->ports, port);
    mesh__port_free_new(port);
    if (origin != NULL) {
        origin->n_ports--;
        mesh__peer_settle(core, origin);
    }
}

void mesh__port_settle(mesh_port_t *port)
{
    if (!port->is_owned && !port->is_doomed && !mesh__port_is_live(port))
        mesh__port_free(port);
}

apr_status_t mesh__port_spares(mesh_port_t *port, int n)
{
    for (const mesh_message_t *spare = port->spare; spare != NULL;
         spare = spare->next)
        n--;
    for (; n > 0; n--) {
        mesh_message_t *spare = mesh__message_alloc(MESH__CHANGE_PEER_LEN);

        if (spare == NULL)
            return APR_ENOMEM;
        spare->next = port->spare;
        port->spare = spare;
    }
    return APR_SUCCESS;
}

mesh_message_t *mesh__port_note(mesh_port_t *port, int type, apr_size_t len)
{
    mesh_message_t *note = port->spare;

    assert(len <= MESH__CHANGE_PEER_LEN);
    if (note != NULL)
        port->spare = note->next;
    else {
        note = mesh__message_alloc(MESH__CHANGE_PEER_LEN);
        if (note == NULL)
            return NULL;
    }
    note->next = NULL;
    note->type = type;
    note->len = len;
    return note;
}

static int is_moving(mesh__port_state_t state)
{
    return state == MESH__SENDING || state == MESH__PROXYING;
}

static int is_closing(const mesh_port_t *port)
{
    return port->state == MESH__PEERED && port->is_closed;
}

void mesh__port_state_set(mesh_port_t *port, mesh__port_state_t state)
{
    port->core->n_moving += is_moving(state) - is_moving(port->state);
    port->core->n_closing -= is_closing(port);
    port->state = state;
    port->core->n_closing += is_closing(port);
}

void mesh__port_closed_set(mesh_port_t *port, int is_closed)
{
    port->core->n_closing -= is_closing(port);
    port->is_closed = is_closed != 0;
    port->core->n_closing += is_closing(port);
}

int mesh__port_is_live(const mesh_port_t *port)
{
    return port->state == MESH__PEERED || is_moving(port->state);
}

int mesh__port_is_orphan(const mesh_port_t *port)
{
    mesh__core_t *core = port->core;
    const mesh_port_t *peer;

    if (port->state != MESH__PEERED
        || !mesh__id_equal(&port->peer.node, &core->self))
        return 0;
    peer = mesh__table_find(&core->ports, &port->peer.port);
    return peer == NULL || !mesh__port_is_live(peer);
}

void mesh__port_ready(mesh_port_t *port)
{
    mesh__core_t *core = port->core;

    if (!port->is_held || port->is_ready)
        return;
    port->is_ready = 1;
    port->ready_next = NULL;
    port->ready_prev = core->ready_last;
    if (core->ready_last != NULL)
        core->ready_last->ready_next = port;
    else
        core->ready_first = port;
    core->ready_last = port;
}

void mesh__port_ready_remove(mesh_port_t *port)
{
    mesh__core_t *core = port->core;

    if (!port->is_ready)
        return;
    port->is_ready = 0;
    if (port->ready_prev != NULL)
        port->ready_prev->ready_next = port->ready_next;
    else
        core->ready_first = port->ready_next;
    if (port->ready_next != NULL)
        port->ready_next->ready_prev = port->ready_prev;
    else
        core->ready_last = port->ready_prev;
}

void mesh__port_disown(mesh_port_t *port)
{
    mesh__port_ready_remove(port);
    port->is_held = 0;
    port->is_owned = 0;
}

void mesh__port_close(mesh_port_t *port)
{
    mesh_message_t *note;

    if (port->is_closed)
        return;
    note = mesh__port_note(port, MESH__EV_MESSAGE, 0);
    assert(note != NULL);
    note->flags = MESH__EV_FLAG_CLOSE;
    note->seq = port->next_send++;
    mesh__port_closed_set(port, 1);
    mesh__route(port, note, &port->peer);
}

static void send_failure(mesh_port_t *port, const mesh_id_t *culprit,
                         const mesh__addr_t *to)
{
    mesh_message_t *note =
        mesh__port_note(port, MESH__EV_FAIL_PORT, MESH__FAIL_PORT_LEN);

    /* Who has had our close ends without it. */
    assert(note != NULL || port->is_closed);
    if (note != NULL) {
        memcpy(note->data, culprit->bytes, MESH__FAIL_PORT_LEN);
        mesh__route(port, note, to);
    }
}

void mesh__port_fail(mesh_port_t *port, const mesh_id_t *culprit, int tell)
{
    mesh_message_t *message;

    assert(mesh__port_is_live(port));
    if (tell & MESH__TELL_PEER)
        send_failure(port, culprit, &port->peer);
    if ((tell & MESH__TELL_TARGET) && is_moving(port->state))
        send_failure(port, culprit, &port->target);
    mesh__port_state_set(port, MESH__FAILED);
    port->culprit = *culprit;
    drop_early(port, culprit);
    while (!port->is_owned && (message = mesh__port_inbox_take(port)) != NULL)
        mesh__lose(port->core, message, culprit);
    mesh__port_ready(port);
}

void mesh__port_doom(mesh_port_t *port, const mesh_id_t *culprit, int lost)
{
    mesh__core_t *core = port->core;

    if (port->is_doomed)
        return;
    port->is_doomed = 1;
    port->is_lost = lost != 0;
    port->culprit = *culprit;
    port->list_next = core->doomed;
    core->doomed = port;
}

/* The node that an event came from. */
static const mesh_id_t *sender(const mesh_port_t *port,
                               const mesh_message_t *event)
{
    return event->from != NULL ? &event->from->id : &port->core->self;
}

/* The event is against the protocol: fail the port at both ends. */
static apr_status_t broken(mesh_port_t *port, mesh_message_t *event,
                           apr_status_t status)
{
    mesh_id_t culprit = *sender(port, event);

    mesh__port_fail(port, &culprit, MESH__TELL_ALL);
    return refuse(port->core, event, &culprit, status);
}

/* Is its sender's account overdrawn by this event? A single one may be larger
 * than the limit: what is not read in parts cannot be sent in parts. */
static int is_over_limit(const mesh_port_t *port, const mesh_message_t *event)
{
    return event->from != NULL
           && event->from->unread > port->core->unread_limit
           && event->from->n_messages > 1;
}

/* The peer is known to have ended in an orderly way. */
static void ended(mesh_port_t *port)
{
    mesh__port_state_set(port, MESH__DONE);
    mesh__port_ready(port);
}

/* docs/PROTOCOL.md 2.3. */
static apr_status_t peered_message(mesh_port_t *port, mesh_message_t *event)
{
    int close = event->flags & MESH__EV_FLAG_CLOSE;

    if ((event->flags & MESH__EV_FLAG_MESSAGE) && port->is_owned) {
        if (is_over_limit(port, event))
            return broken(port, event, MESH_E_LIMIT);
        event->n_hops = 0;
        port->waiting += mesh__event_cost(event);
        mesh__queue_put(&port->inbox, event);
        mesh__port_ready(port);
    }
    else
        mesh__drop(port->core, event);
    if (close) {
        mesh__port_close(port);
        ended(port);
    }
    return APR_SUCCESS;
}

/* The port has a new peer: what is known of that node applies. */
static void peer_changed(mesh_port_t *port)
{
    const mesh_id_t *node = &port->peer.node;

    for (int i = 0; i < port->n_failures; i++)
        if (mesh__id_equal(&port->failures[i].node, node)) {
            mesh_id_t culprit = port->failures[i].culprit;

            mesh__port_fail(port, &culprit, MESH__TELL_TARGET);
            return;
        }
    if (mesh__is_lost(port->core, node)) {
        mesh_id_t culprit = *node;

        mesh__port_fail(port, &culprit, MESH__TELL_TARGET);
    }
}

/* docs/PROTOCOL.md 2.4: the old peer is a proxy that waits for this. The
 * event becomes its own acknowledgement. */
static apr_status_t peered_change(mesh_port_t *port, mesh_message_t *event)
{
    mesh__addr_t old = port->peer;
    mesh__change_peer_t change;

    (void)mesh__change_peer_get(event->data, event->len, &change);
    event->type = MESH__EV_ACK_CHANGE_PEER;
    event->flags = 0;
    event->seq = port->next_send;
    event->len = 0;
    mesh__unread_release(port->core, event);
    mesh__route(port, event, &old);
    port->peer = change.peer;
    port->next_send -= change.seq_delta;
    peer_changed(port);
    if (mesh__port_is_orphan(port))
        port->is_dangling = 1;
    return APR_SUCCESS;
}

/* docs/PROTOCOL.md 10, point 2: the named port came back to this node and has
 * ended before CHANGE_PEER was here. If it ended because of our close, its own
 * is among the early events, or still under way through a proxy. Else it has
 * failed, though word of it may have gone to where this port was. */
static void peer_is_gone(mesh_port_t *port)
{
    const mesh_port_t *peer =
        mesh__table_find(&port->core->ports, &port->peer.port);
    mesh_id_t culprit = port->core->self;

    if (peer != NULL && peer->state == MESH__FAILED)
        culprit = peer->culprit;
    else if (port->is_closed)
        return;
    mesh__port_fail(port, &culprit, MESH__TELL_NONE);
}

/* docs/PROTOCOL.md 2.4: passed on unchanged, the target acknowledges it to
 * the other end's proxy. */
static apr_status_t proxy_change(mesh_port_t *port, mesh_message_t *event)
{
    mesh__change_peer_t change;
    apr_status_t rv;

    (void)mesh__change_peer_get(event->data, event->len, &change);
    port->peer = change.peer;
    rv = mesh__proxy_forward(port, event);
    if (rv == APR_SUCCESS)
        peer_changed(port);
    return rv;
}

static apr_status_t proxy_end(mesh_port_t *port, mesh_message_t *event)
{
    mesh__drop(port->core, event);
    mesh__port_state_set(port, MESH__DONE);
    return APR_SUCCESS;
}

/* docs/PROTOCOL.md 2.4: the new port is there. */
static apr_status_t sending_ack(mesh_port_t *port, mesh_message_t *event)
{
    int is_target = mesh__id_equal(sender(port, event), &port->target.node);

    mesh__drop(port->core, event);
    if (!is_target)
        return MESH_E_PROTOCOL;
    mesh__proxy_begin(port, &port->target, 1);
    return APR_SUCCESS;
}

/* The node is not one that can know. It can be the next peer's, and the
 * failure have overtaken CHANGE_PEER. */
static void remember_failure(mesh_port_t *port, const mesh_id_t *node,
                             const mesh_id_t *culprit)
{
    int i = port->n_failures;

    for (int known = 0; known < port->n_failures; known++)
        if (mesh__id_equal(&port->failures[known].node, node))
            return;
    if (i == MESH__MAX_EARLY_FAILURES)
        return;
    port->failures[i].node = *node;
    port->failures[i].culprit = *culprit;
    port->n_failures++;
}

/* docs/PROTOCOL.md 2.6. Peer and target can be on one node: then it is not
 * known which of them failed, and both are told. */
static apr_status_t failed_remotely(mesh_port_t *port, mesh_message_t *event)
{
    mesh_id_t node = *sender(port, event);
    int from_peer = mesh__id_equal(&node, &port->peer.node);
    int from_target =
        is_moving(port->state) && mesh__id_equal(&node, &port->target.node);
    mesh_id_t culprit;
    int tell = MESH__TELL_NONE;

    memcpy(culprit.bytes, event->data, MESH__FAIL_PORT_LEN);
    mesh__drop(port->core, event);
    if (!from_peer && !from_target
        && !mesh__id_equal(&node, &port->old_node)) {
        remember_failure(port, &node, &culprit);
        return APR_SUCCESS;
    }
    if (!from_peer || from_target)
        tell |= MESH__TELL_PEER;
    if (!from_target || from_peer)
        tell |= MESH__TELL_TARGET;
    mesh__port_fail(port, &culprit, tell);
    return APR_SUCCESS;
}

static apr_status_t ignore(mesh_port_t *port, mesh_message_t *event,
                           apr_status_t status)
{
    mesh__drop(port->core, event);
    return status;
}

#define PAIR(state, type) ((state)*8 + (type))

/* The machine: see the table above. Takes the event. */
static apr_status_t step(mesh_port_t *port, mesh_message_t *event)
{
    mesh__core_t *core = port->core;

    switch (PAIR(port->state, event->type)) {
    case PAIR(MESH__PEERED, MESH__EV_MESSAGE):
        return peered_message(port, event);
    case PAIR(MESH__PEERED, MESH__EV_CHANGE_PEER):
        return peered_change(port, event);
    case PAIR(MESH__PEERED, MESH__EV_ACK_CHANGE_PEER):
        return broken(port, event, MESH_E_PROTOCOL);
    case PAIR(MESH__PEERED, MESH__EV_ACK_PORT):
        return ignore(port, event, MESH_E_PROTOCOL);
    case PAIR(MESH__PEERED, MESH__EV_FAIL_PORT):
        return failed_remotely(port, event);

    case PAIR(MESH__SENDING, MESH__EV_MESSAGE):
    case PAIR(MESH__SENDING, MESH__EV_CHANGE_PEER):
    case PAIR(MESH__SENDING, MESH__EV_ACK_CHANGE_PEER):
        break; /* kept by in_order */
    case PAIR(MESH__SENDING, MESH__EV_ACK_PORT):
        return sending_ack(port, event);
    case PAIR(MESH__SENDING, MESH__EV_FAIL_PORT):
        return failed_remotely(port, event);

    case PAIR(MESH__PROXYING, MESH__EV_MESSAGE):
        return mesh__proxy_forward(port, event);
    case PAIR(MESH__PROXYING, MESH__EV_CHANGE_PEER):
        return proxy_change(port, event);
    case PAIR(MESH__PROXYING, MESH__EV_ACK_CHANGE_PEER):
        return proxy_end(port, event);
    case PAIR(MESH__PROXYING, MESH__EV_ACK_PORT):
        return ignore(port, event, MESH_E_PROTOCOL);
    case PAIR(MESH__PROXYING, MESH__EV_FAIL_PORT):
        return failed_remotely(port, event);

    case PAIR(MESH__DONE, MESH__EV_MESSAGE):
    case PAIR(MESH__DONE, MESH__EV_CHANGE_PEER):
    case PAIR(MESH__DONE, MESH__EV_ACK_CHANGE_PEER):
        return refuse(core, event, &core->self, MESH_E_PROTOCOL);
    case PAIR(MESH__DONE, MESH__EV_ACK_PORT):
        return ignore(port, event, MESH_E_PROTOCOL);
    case PAIR(MESH__DONE, MESH__EV_FAIL_PORT):
        return ignore(port, event, APR_SUCCESS);

    case PAIR(MESH__FAILED, MESH__EV_MESSAGE):
    case PAIR(MESH__FAILED, MESH__EV_CHANGE_PEER):
    case PAIR(MESH__FAILED, MESH__EV_ACK_CHANGE_PEER):
        return refuse(core, event, &port->culprit, MESH_E_UNKNOWN_PORT);
    case PAIR(MESH__FAILED, MESH__EV_ACK_PORT):
    case PAIR(MESH__FAILED, MESH__EV_FAIL_PORT):
        return ignore(port, event, APR_SUCCESS);
    }
    assert(0);
    return MESH_E_PROTOCOL;
}

/* It cannot be looked at yet. A Sending port keeps all, in number limited by
 * the account only: a fast peer may be far ahead of the acknowledgement. */
static apr_status_t keep(mesh_port_t *port, mesh_message_t *event)
{
    if (is_over_limit(port, event)
        || (port->state != MESH__SENDING && port->n_early >= MESH__MAX_EARLY))
        return broken(port, event, MESH_E_LIMIT);
    port->waiting += mesh__event_cost(event);
    mesh__early_put(&port->early, event);
    port->n_early++;
    return APR_SUCCESS;
}

/* Look at the early events whose turn has come. */
static apr_status_t drain(mesh_port_t *port)
{
    apr_status_t rv = APR_SUCCESS;

    while (port->early != NULL
           && (port->state == MESH__PEERED || port->state == MESH__PROXYING)) {
        apr_int64_t ahead = (apr_int64_t)(port->early->seq - port->next_recv);
        mesh_message_t *event;

        if (ahead > 0)
            break;
        event = early_take(port);
        if (ahead < 0)
            return broken(port, event, MESH_E_PROTOCOL);
        port->next_recv++;
        rv = step(port, event);
    }
    if (port->is_dangling) {
        port->is_dangling = 0;
        if (mesh__port_is_orphan(port))
            peer_is_gone(port);
    }
    if (port->early != NULL && port->state == MESH__DONE) {
        /* After a close, or the acknowledgement that ends a proxy. */
        port->culprit = *sender(port, port->early);
        mesh__port_state_set(port, MESH__FAILED);
        drop_early(port, &port->culprit);
        rv = MESH_E_PROTOCOL;
    }
    return rv;
}

/* docs/PROTOCOL.md 2.2. */
static apr_status_t in_order(mesh_port_t *port, mesh_message_t *event)
{
    apr_int64_t ahead = (apr_int64_t)(event->seq - port->next_recv);
    apr_status_t rv, drained;

    if (ahead < 0)
        return broken(port, event, MESH_E_PROTOCOL);
    if (ahead > 0 || port->state == MESH__SENDING)
        return keep(port, event);
    port->next_recv++;
    rv = step(port, event);
    drained = drain(port);
    return rv != APR_SUCCESS ? rv : drained;
}

apr_status_t mesh__port_event(mesh__core_t *core, mesh_message_t *event)
{
    mesh_port_t *port = mesh__table_find(&core->ports, &event->dest);
    apr_status_t rv;

    if (port == NULL && event->type == MESH__EV_ACK_CHANGE_PEER) {
        /* For a proxy that ended with its target's node: too late, and
         * nobody waits for it. */
        mesh__drop(core, event);
        return APR_SUCCESS;
    }
    if (port == NULL)
        return refuse(core, event, &core->self, MESH_E_UNKNOWN_PORT);
    if (event->type == MESH__EV_ACK_PORT) {
        rv = step(port, event);
        if (rv == APR_SUCCESS)
            rv = drain(port);
    }
    else if (event->type == MESH__EV_FAIL_PORT || !mesh__port_is_live(port))
        rv = step(port, event);
    else
        rv = in_order(port, event);
    mesh__port_settle(port);
    return rv;
}
