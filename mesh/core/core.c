/* The inputs and outputs of the core. */
#include "config.h"

#include "core.h"

#include "port.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- life ---- */

apr_status_t mesh__core_create(mesh__core_t **ret_core, const mesh_id_t *self,
                               mesh__random_fn_t random, void *baton)
{
    mesh__core_t *core = calloc(1, sizeof(*core));
    apr_uint64_t keys[4];

    if (core == NULL)
        return APR_ENOMEM;
    core->self = *self;
    core->random = random;
    core->random_baton = baton;
    core->unread_limit = MESH__DEFAULT_UNREAD;
    random(baton, keys, sizeof(keys));
    mesh__table_init(&core->ports, keys);
    mesh__table_init(&core->peers, keys + 2);
    *ret_core = core;
    return APR_SUCCESS;
}

/* Chain the ports for which `is_wanted` (NULL: all) by list_next: while the
 * table is walked, none may be freed. */
static mesh_port_t *collect(mesh__core_t *core,
                            int (*is_wanted)(const mesh_port_t *port,
                                             const mesh_id_t *node),
                            const mesh_id_t *node)
{
    mesh_port_t *list = NULL;
    mesh_port_t *port;
    apr_size_t i = 0;

    while ((port = mesh__table_next(&core->ports, &i)) != NULL)
        if (is_wanted == NULL || is_wanted(port, node)) {
            port->list_next = list;
            list = port;
        }
    return list;
}

static void doom_list(mesh_port_t *port, const mesh_id_t *node)
{
    while (port != NULL) {
        mesh_port_t *next = port->list_next;

        mesh__port_doom(port, node, 1);
        port = next;
    }
}

void mesh__core_end(mesh__core_t *core)
{
    mesh_port_t *port;

    core->is_ended = 1;
    doom_list(collect(core, NULL, NULL), &core->self);
    mesh__pump(core);
    for (port = collect(core, NULL, NULL); port != NULL;) {
        mesh_port_t *next = port->list_next;

        mesh__port_inbox_drop(port);
        port = next;
    }
}

static void free_all(mesh__queue_t *queue)
{
    mesh_message_t *message;

    while ((message = mesh__queue_take(queue)) != NULL)
        mesh__message_free(message);
}

void mesh__core_destroy(mesh__core_t *core)
{
    mesh_port_t *port;
    mesh__peer_t *peer;
    apr_size_t i = 0;

    mesh__core_end(core);
    for (port = collect(core, NULL, NULL); port != NULL;) {
        mesh_port_t *next = port->list_next;

        mesh__port_free(port);
        port = next;
    }
    free_all(&core->sends);
    free_all(&core->drops);
    while ((peer = mesh__table_next(&core->peers, &i)) != NULL)
        free(peer);
    mesh__table_fini(&core->peers);
    mesh__table_fini(&core->ports);
    free(core);
}

const mesh_id_t *mesh__core_self(mesh__core_t *core)
{
    return &core->self;
}

void mesh__core_unread_limit_set(mesh__core_t *core, apr_size_t bytes)
{
    core->unread_limit = bytes;
}

void mesh__core_user_set(mesh__core_t *core, void *user)
{
    core->user = user;
}

void *mesh__core_user(mesh__core_t *core)
{
    return core->user;
}

void mesh__port_user_set(mesh_port_t *port, void *user)
{
    port->user = user;
}

void *mesh__port_user(mesh_port_t *port)
{
    return port->user;
}

mesh__core_t *mesh__port_core(mesh_port_t *port)
{
    return port->core;
}

void mesh__core_fresh_id(mesh__core_t *core, mesh_id_t *ret_id)
{
    do
        core->random(core->random_baton, ret_id->bytes, sizeof(ret_id->bytes));
    while (mesh__id_is_zero(ret_id));
}

int mesh__core_n_moving(mesh__core_t *core)
{
    return core->n_moving;
}

int mesh__core_n_closing(mesh__core_t *core)
{
    return core->n_closing;
}

int mesh__core_n_ports(mesh__core_t *core)
{
    return (int)core->ports.n;
}

/* ---- other nodes ---- */

/* Its record, made if there is none. NULL: out of memory. */
static mesh__peer_t *peer_get(mesh__core_t *core, const mesh_id_t *node)
{
    mesh__peer_t *peer = mesh__table_find(&core->peers, node);

    if (peer != NULL)
        return peer;
    if (mesh__table_reserve(&core->peers, 1) != APR_SUCCESS)
        return NULL;
    peer = calloc(1, sizeof(*peer));
    if (peer == NULL)
        return NULL;
    peer->id = *node;
    mesh__table_put(&core->peers, peer);
    return peer;
}

void mesh__peer_settle(mesh__core_t *core, mesh__peer_t *peer)
{
    if (!peer->is_lost || peer->n_ports > 0 || peer->n_messages > 0)
        return;
    mesh__table_remove(&core->peers, peer);
    free(peer);
}

int mesh__is_lost(mesh__core_t *core, const mesh_id_t *node)
{
    const mesh__peer_t *peer = mesh__table_find(&core->peers, node);

    return peer != NULL && peer->is_lost;
}

/* Before anything is made of it; what it holds by then is in its handles and
 * in its head. */
static apr_size_t account_of(const mesh_message_t *message)
{
    apr_size_t sum = message->event_len + MESH__UNREAD_OVERHEAD
                     + (apr_size_t)message->n_handles * MESH__UNREAD_HANDLE;
    mesh__event_head_t head;

    if (mesh__event_head_get(message->event, message->event_len, &head)
        == APR_SUCCESS)
        sum += (apr_size_t)head.n_res * MESH__UNREAD_PORT;
    return sum;
}

static void unread_charge(mesh_message_t *message, mesh__peer_t *peer)
{
    message->from = peer;
    message->charge = account_of(message);
    peer->unread += message->charge;
    peer->n_messages++;
}

void mesh__unread_release(mesh__core_t *core, mesh_message_t *message)
{
    mesh__peer_t *peer = message->from;

    if (peer == NULL)
        return;
    message->from = NULL;
    peer->unread -= message->charge;
    peer->n_messages--;
    mesh__peer_settle(core, peer);
}

/* ---- outputs ---- */

void mesh__drop(mesh__core_t *core, mesh_message_t *message)
{
    mesh__unread_release(core, message);
    if (message->n_res > 0 || message->n_handles > 0 || message->slots != NULL
        || message->arena != NULL || message->region != MESH__HANDLE_NONE)
        mesh__queue_put(&core->drops, message);
    else
        mesh__message_free(message);
}

void mesh__lose(mesh__core_t *core, mesh_message_t *message,
                const mesh_id_t *culprit)
{
    for (int i = 0; i < message->n_res; i++) {
        const mesh__res_t *res = &message->res[i];

        if (res->kind == MESH__RES_PORT && res->u.port != NULL
            && mesh__port_is_live(res->u.port))
            mesh__port_doom(res->u.port, culprit, 0);
    }
    mesh__drop(core, message);
}

void mesh__route(mesh_port_t *port, mesh_message_t *event,
                 const mesh__addr_t *to)
{
    mesh__core_t *core = port->core;
    mesh__event_head_t head;

    event->dest = to->port;
    if (mesh__id_equal(&to->node, &core->self)) {
        event->src = port->id;
        mesh__queue_put(&core->local, event);
        return;
    }
    assert(event->n_res == 0);
    mesh__unread_release(core, event);
    head.port = to->port;
    head.type = event->type;
    head.flags = event->flags;
    head.seq = event->seq;
    head.n_res = (apr_uint32_t)(event->res_data_len / MESH__RES_DATA_LEN);
    head.len = (apr_uint32_t)event->len;
    mesh__event_head_put(event->head, &head);
    event->node = to->node;
    mesh__queue_put(&core->sends, event);
}

/* A proxy has told its peer of the target. If the target's node ends, the peer
 * finds the loss itself, or was told of a later target since, and has lost
 * nothing: the node can have ended in order before the acknowledgement was
 * here. But one of ours that is Sending looks at it too late to find it. */
static int peer_knows(const mesh_port_t *port)
{
    mesh__core_t *core = port->core;
    const mesh_port_t *peer;

    if (port->state != MESH__PROXYING)
        return 0;
    if (!mesh__id_equal(&port->peer.node, &core->self))
        return 1;
    peer = mesh__table_find(&core->ports, &port->peer.port);
    return peer == NULL || peer->state != MESH__SENDING;
}

/* Whom a doomed port tells. */
static int whom_to_tell(const mesh_port_t *port)
{
    const mesh__core_t *core = port->core;
    int tell = core->is_ended ? MESH__TELL_NONE : MESH__TELL_ALL;

    if (!port->is_lost)
        return tell;
    if (mesh__id_equal(&port->peer.node, &port->culprit))
        tell &= ~MESH__TELL_PEER;
    if (mesh__id_equal(&port->target.node, &port->culprit)) {
        tell &= ~MESH__TELL_TARGET;
        if (peer_knows(port))
            tell &= ~MESH__TELL_PEER;
    }
    return tell;
}

void mesh__pump(mesh__core_t *core)
{
    for (;;) {
        mesh_port_t *port = core->doomed;
        mesh_message_t *event;

        if (port != NULL) {
            mesh_id_t culprit = port->culprit;
            int tell = whom_to_tell(port);

            core->doomed = port->list_next;
            port->is_doomed = 0;
            if (mesh__port_is_live(port))
                mesh__port_fail(port, &culprit, tell);
            mesh__port_settle(port);
            continue;
        }
        event = mesh__queue_take(&core->local);
        if (event == NULL)
            return;
        (void)mesh__port_event(core, event);
    }
}

int mesh__core_next(mesh__core_t *core, mesh__out_t *ret_out)
{
    mesh__out_t out;

    memset(&out, 0, sizeof(out));
    if ((out.message = mesh__queue_take(&core->sends)) != NULL) {
        out.kind = MESH__OUT_SEND;
        out.node = out.message->node;
    }
    else if ((out.port = core->ready_first) != NULL) {
        out.kind = MESH__OUT_READY;
        mesh__port_ready_remove(out.port);
    }
    else if ((out.message = mesh__queue_take(&core->drops)) != NULL)
        out.kind = MESH__OUT_DROP;
    else
        return 0;
    *ret_out = out;
    return 1;
}

/* ---- ports, as their holder uses them ---- */

apr_status_t mesh__core_pair(mesh__core_t *core, mesh_port_t **ret_a,
                             mesh_port_t **ret_b)
{
    mesh_port_t *ports[2] = {NULL, NULL};
    apr_status_t rv = mesh__table_reserve(&core->ports, 2);

    for (int i = 0; i < 2 && rv == APR_SUCCESS; i++) {
        ports[i] = mesh__port_alloc(core);
        if (ports[i] == NULL)
            rv = APR_ENOMEM;
    }
    if (rv != APR_SUCCESS) {
        if (ports[0] != NULL)
            mesh__port_free_new(ports[0]);
        return rv;
    }
    for (int i = 0; i < 2; i++) {
        mesh__port_enter(ports[i]);
        ports[i]->is_owned = 1;
        ports[i]->is_held = 1;
    }
    for (int i = 0; i < 2; i++) {
        ports[i]->peer.node = core->self;
        ports[i]->peer.port = ports[1 - i]->id;
    }
    *ret_a = ports[0];
    *ret_b = ports[1];
    return APR_SUCCESS;
}

apr_status_t mesh__core_adopt(mesh__core_t *core, const mesh_id_t *id,
                              const mesh__addr_t *peer, mesh_port_t **ret_port)
{
    mesh_port_t *port;
    apr_status_t rv = mesh__table_reserve(&core->ports, 1);

    if (rv != APR_SUCCESS)
        return rv;
    if (mesh__table_find(&core->ports, id) != NULL)
        return APR_EEXIST;
    port = mesh__port_alloc(core);
    if (port == NULL)
        return APR_ENOMEM;
    port->id = *id;
    port->peer = *peer;
    port->is_owned = 1;
    port->is_held = 1;
    mesh__table_put(&core->ports, port);
    *ret_port = port;
    return APR_SUCCESS;
}

/* May the resources of the message be sent on the port? Its own peer may not:
 * it would wait for ever in its own inbox. */
static apr_status_t check_resources(const mesh_port_t *port,
                                    const mesh_message_t *message)
{
    const mesh__core_t *core = port->core;

    for (int i = 0; i < message->n_res; i++) {
        const mesh__res_t *res = &message->res[i];
        const mesh_port_t *sent;

        if (res->kind == MESH__RES_HANDLE
            && res->u.handle != MESH__HANDLE_NONE)
            continue;
        if (res->kind != MESH__RES_PORT || res->u.port == NULL)
            return APR_EINVAL;
        sent = res->u.port;
        if (sent->core != core || sent == port
            || (sent->state == MESH__PEERED && sent->is_closed))
            return APR_EINVAL;
        if (port->state == MESH__PEERED
            && mesh__id_equal(&port->peer.node, &core->self)
            && mesh__id_equal(&port->peer.port, &sent->id))
            return APR_EINVAL;
    }
    return APR_SUCCESS;
}

apr_status_t mesh__core_send(mesh__core_t *core, mesh_port_t *port,
                             mesh_message_t **message_var, int close)
{
    mesh_message_t *message = *message_var;
    apr_status_t rv;

    assert(port->is_owned);
    if (port->is_closed && port->state == MESH__PEERED)
        return APR_EINVAL;
    rv = check_resources(port, message);
    if (rv != APR_SUCCESS)
        return rv;
    if (port->state == MESH__PEERED
        && !mesh__id_equal(&port->peer.node, &core->self)) {
        rv = mesh__move_prepare(core, message);
        if (rv != APR_SUCCESS)
            return rv;
        mesh__move_commit(core, message, &port->peer.node);
    }
    *message_var = NULL;
    for (int i = 0; i < message->n_res; i++)
        if (message->res[i].kind == MESH__RES_PORT) {
            message->res[i].u.port->is_held = 0;
            mesh__port_ready_remove(message->res[i].u.port);
        }
    if (port->state == MESH__FAILED)
        mesh__lose(core, message, &port->culprit);
    else if (port->state != MESH__PEERED)
        mesh__drop(core, message);
    else {
        message->type = MESH__EV_MESSAGE;
        message->flags =
            MESH__EV_FLAG_MESSAGE | (close ? MESH__EV_FLAG_CLOSE : 0);
        message->seq = port->next_send++;
        message->n_hops = 0;
        mesh__port_closed_set(port, close);
        mesh__route(port, message, &port->peer);
    }
    mesh__pump(core);
    return APR_SUCCESS;
}

apr_status_t mesh__core_recv(mesh__core_t *core, mesh_port_t *port,
                             mesh_message_t **ret_message)
{
    mesh_message_t *message = mesh__port_inbox_take(port);

    if (message == NULL) {
        apr_status_t rv = mesh__core_status(core, port, NULL);

        return rv == APR_SUCCESS ? APR_EAGAIN : rv;
    }
    mesh__unread_release(core, message);
    *ret_message = message;
    return APR_SUCCESS;
}

apr_status_t mesh__core_status(mesh__core_t *core, mesh_port_t *port,
                               mesh_id_t *ret_culprit)
{
    (void)core;
    switch (port->state) {
    case MESH__PEERED:
    case MESH__SENDING:
    case MESH__PROXYING:
        break;
    case MESH__DONE:
        return MESH_E_CLOSED;
    case MESH__FAILED:
        if (ret_culprit != NULL)
            *ret_culprit = port->culprit;
        return MESH_E_FAILED;
    }
    return APR_SUCCESS;
}

void mesh__core_hold(mesh__core_t *core, mesh_port_t *port)
{
    (void)core;
    assert(port->is_owned);
    port->is_held = 1;
    if (port->inbox.first != NULL || !mesh__port_is_live(port))
        mesh__port_ready(port);
}

void mesh__core_close(mesh__core_t *core, mesh_port_t **port_var)
{
    mesh_port_t *port = *port_var;

    *port_var = NULL;
    assert(port->is_owned);
    mesh__port_disown(port);
    mesh__port_inbox_drop(port);
    if (port->state == MESH__PEERED) {
        if (!port->is_closed)
            mesh__port_close(port);
        else if (port->is_left && mesh__port_is_orphan(port))
            mesh__port_state_set(port, MESH__DONE);
    }
    mesh__port_settle(port);
    mesh__pump(core);
}

void mesh__core_fail(mesh__core_t *core, mesh_port_t *port)
{
    mesh_id_t culprit = port->peer.node;

    if (mesh__port_is_live(port))
        mesh__port_fail(port, &culprit, MESH__TELL_PEER);
    else if (port->state == MESH__DONE) {
        mesh__port_state_set(port, MESH__FAILED);
        port->culprit = culprit;
        mesh__port_ready(port);
    }
    mesh__pump(core);
}

int mesh__core_route(mesh__core_t *core, mesh_port_t *port,
                     mesh_id_t *ret_node, apr_size_t *ret_waiting)
{
    const mesh__addr_t *to = &port->peer;
    int n_hops = 0;

    *ret_waiting = 0;
    if (port->state != MESH__PEERED)
        return 0;
    while (mesh__id_equal(&to->node, &core->self)) {
        const mesh_port_t *next = mesh__table_find(&core->ports, &to->port);

        if (next == NULL || ++n_hops > MESH__MAX_HOPS)
            return 0;
        *ret_waiting = next->waiting;
        if (next->state != MESH__PROXYING && next->state != MESH__SENDING)
            return 0;
        to = &next->target;
    }
    *ret_node = to->node;
    return 1;
}

/* ---- what links bring ---- */

/* Parse the header. */
static apr_status_t parse(mesh_message_t *message, int *ret_n_res)
{
    mesh__event_head_t head;
    apr_status_t rv =
        mesh__event_head_get(message->event, message->event_len, &head);

    if (rv != APR_SUCCESS)
        return rv;
    message->dest = head.port;
    message->type = head.type;
    message->flags = head.flags;
    message->seq = head.seq;
    message->data = message->event + MESH__EVENT_HEAD_LEN
                    + (apr_size_t)head.n_res * MESH__RES_DATA_LEN;
    message->len = head.len;
    *ret_n_res = (int)head.n_res;
    return APR_SUCCESS;
}

/* Is all of it there that the type needs? Only messages carry resources. */
static apr_status_t check_event(const mesh_message_t *message)
{
    apr_size_t least = 0;

    switch (message->type) {
    case MESH__EV_MESSAGE:
        return APR_SUCCESS;
    case MESH__EV_CHANGE_PEER:
        least = MESH__CHANGE_PEER_LEN;
        break;
    case MESH__EV_ACK_CHANGE_PEER:
    case MESH__EV_ACK_PORT:
        break;
    case MESH__EV_FAIL_PORT:
        least = MESH__FAIL_PORT_LEN;
        break;
    default:
        return MESH_E_PROTOCOL;
    }
    if (message->len < least)
        return MESH_E_TRUNCATED;
    return message->n_res > 0 ? MESH_E_PROTOCOL : APR_SUCCESS;
}

/* A message could not be delivered whole: its port fails rather than wait for
 * it for ever. If it is for lack of handles here, so do the ports in it. */
static void fail_for(mesh__core_t *core, mesh_message_t *message,
                     const mesh_id_t *culprit)
{
    mesh_port_t *port = mesh__table_find(&core->ports, &message->dest);

    if (port != NULL && mesh__port_is_live(port)) {
        mesh__port_fail(port, culprit, MESH__TELL_ALL);
        mesh__port_settle(port);
    }
    for (int i = 0; message->handles_lost && i < message->n_res; i++) {
        const mesh__res_t *res = &message->res[i];

        if (res->kind == MESH__RES_PORT && res->u.port != NULL
            && mesh__port_is_live(res->u.port))
            mesh__port_fail(res->u.port, culprit, MESH__TELL_ALL);
    }
}

static apr_status_t process(mesh__core_t *core, mesh_message_t *message)
{
    int n_res;
    apr_status_t rv = parse(message, &n_res);

    if (rv != APR_SUCCESS) {
        mesh__drop(core, message);
        return rv;
    }
    if (n_res > 0 || message->n_handles > 0)
        rv = mesh__move_in(core, message, n_res);
    if (message->handles_lost)
        rv = MESH_E_RESOURCE;
    if (rv == APR_SUCCESS)
        rv = check_event(message);
    if (rv == APR_SUCCESS)
        return mesh__port_event(core, message);
    if (message->type == MESH__EV_MESSAGE
        && (rv == MESH_E_RESOURCE || rv == MESH_E_LIMIT)) {
        mesh_id_t culprit =
            message->handles_lost ? core->self : message->from->id;

        fail_for(core, message, &culprit);
    }
    mesh__drop(core, message);
    return rv;
}

apr_status_t mesh__core_event(mesh__core_t *core, const mesh_id_t *from,
                              mesh_message_t **message_var)
{
    mesh_message_t *message = *message_var;
    mesh__peer_t *peer;
    apr_status_t rv;

    *message_var = NULL;
    if (mesh__id_equal(from, &core->self)) {
        mesh__drop(core, message);
        return MESH_E_PROTOCOL;
    }
    peer = peer_get(core, from);
    if (peer == NULL) {
        mesh__drop(core, message);
        return APR_ENOMEM;
    }
    peer->is_lost = 0;
    unread_charge(message, peer);
    rv = process(core, message);
    mesh__pump(core);
    return rv;
}

static int needs_node(const mesh_port_t *port, const mesh_id_t *node)
{
    if (!mesh__port_is_live(port))
        return 0;
    return mesh__id_equal(&port->peer.node, node)
           || (port->state != MESH__PEERED
               && mesh__id_equal(&port->target.node, node));
}

static int is_orphan(const mesh_port_t *port, const mesh_id_t *node)
{
    (void)node;
    return mesh__port_is_orphan(port);
}

/* The other end is on this node, and has ended without knowing of the port:
 * word of its move was to come from the lost node. One that was closed can
 * have more to receive by way of others, so its holder decides. */
static void doom_orphans(mesh__core_t *core, const mesh_id_t *lost)
{
    mesh_port_t *port = collect(core, is_orphan, NULL);

    while (port != NULL) {
        mesh_port_t *next = port->list_next;

        if (port->is_closed && port->is_owned)
            port->is_left = 1;
        else
            mesh__port_doom(port, lost, 1);
        port = next;
    }
}

static int is_abroad(const mesh_port_t *port, const mesh_id_t *self)
{
    return mesh__port_is_live(port)
           && (!mesh__id_equal(&port->peer.node, self)
               || (port->state != MESH__PEERED
                   && !mesh__id_equal(&port->target.node, self)));
}

/* No other node is left: neither one that was heard, nor one that has yet to
 * say something but has a port of ours for its peer or on its way. */
static int is_alone(mesh__core_t *core)
{
    const mesh__peer_t *peer;
    apr_size_t i = 0;

    while ((peer = mesh__table_next(&core->peers, &i)) != NULL)
        if (!peer->is_lost)
            return 0;
    return collect(core, is_abroad, &core->self) == NULL;
}

/* Both its ends are here, but something between them was not: what was on its
 * way through another node is lost. Where nothing is, each knows the other,
 * and has had all that it sent. */
static int is_stuck(const mesh_port_t *port, const mesh_id_t *node)
{
    mesh__core_t *core = port->core;
    const mesh_port_t *peer;

    (void)node;
    if (!mesh__port_is_live(port)
        || !mesh__id_equal(&port->peer.node, &core->self))
        return 0;
    if (port->state != MESH__PEERED)
        return mesh__id_equal(&port->target.node, &core->self);
    peer = mesh__table_find(&core->ports, &port->peer.port);
    return peer == NULL || !mesh__port_is_live(peer)
           || !mesh__id_equal(&peer->peer.port, &port->id)
           || peer->next_send != port->next_recv || peer->is_closed;
}

void mesh__core_node_lost(mesh__core_t *core, const mesh_id_t *node)
{
    mesh__peer_t *peer = mesh__table_find(&core->peers, node);
    mesh_id_t id = *node;

    if (peer != NULL)
        peer->is_lost = 1;
    doom_list(collect(core, needs_node, &id), &id);
    mesh__pump(core);
    doom_orphans(core, &id);
    mesh__pump(core);
    if (is_alone(core)) {
        doom_list(collect(core, is_stuck, NULL), &id);
        mesh__pump(core);
    }
    peer = mesh__table_find(&core->peers, &id);
    if (peer != NULL)
        mesh__peer_settle(core, peer);
}

void mesh__core_keep(mesh_port_t *port)
{
    port->is_kept = 1;
}

mesh_port_t *mesh__core_next_held(mesh__core_t *core, apr_size_t *index)
{
    mesh_port_t *port;

    do
        port = mesh__table_next(&core->ports, index);
    while (port != NULL && (!port->is_held || port->is_kept));
    return port;
}
