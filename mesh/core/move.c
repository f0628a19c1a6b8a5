/* Ports that move between nodes, and the proxies they leave
 * (docs/PROTOCOL.md 2.4, 2.5, 3.3, 10). */
#include "config.h"

#include "port.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* CHANGE_PEER, and a failure to each side. */
enum { SPARES_MOVING = 3 };

/* A port that can be moved or bridged. Prepared things stay with the port and
 * the message, and do no harm there, if they are not used. */
static apr_status_t prepare_port(mesh__core_t *core, mesh_port_t *port)
{
    if (port->state == MESH__FAILED)
        return APR_SUCCESS;
    if (port->state == MESH__DONE && port->stand_in == NULL) {
        port->stand_in = mesh__port_alloc(core);
        if (port->stand_in == NULL)
            return APR_ENOMEM;
    }
    return mesh__port_spares(port, SPARES_MOVING);
}

/* Prepare a message, but for the room in the table: *n_entries grows by how
 * many entries that is. */
static apr_status_t prepare(mesh__core_t *core, mesh_message_t *message,
                            apr_size_t *n_entries)
{
    apr_size_t len = (apr_size_t)message->n_res * MESH__RES_DATA_LEN;
    int n_handles = mesh__message_count_handles(message);

    for (int i = 0; i < message->n_res; i++) {
        mesh_port_t *port = message->res[i].u.port;
        apr_status_t rv;

        if (message->res[i].kind != MESH__RES_PORT)
            continue;
        rv = prepare_port(core, port);
        if (rv != APR_SUCCESS)
            return rv;
        *n_entries += port->state == MESH__DONE;
    }
    if (message->res_data_len == len)
        return APR_SUCCESS; /* was prepared before */
    free(message->res_data);
    free(message->handles);
    message->res_data_len = 0;
    message->res_data = malloc(len + 1);
    message->handles =
        malloc((apr_size_t)n_handles * sizeof(*message->handles) + 1);
    if (message->res_data == NULL || message->handles == NULL)
        return APR_ENOMEM;
    message->res_data_len = len;
    return APR_SUCCESS;
}

apr_status_t mesh__move_prepare(mesh__core_t *core, mesh_message_t *message)
{
    apr_size_t n_entries = 0;
    apr_status_t rv = prepare(core, message, &n_entries);

    if (rv != APR_SUCCESS)
        return rv;
    return mesh__table_reserve(&core->ports, n_entries);
}

/* A closed port gets a new peer that goes on with its numbers, in both
 * directions, and is closed right after (docs/PROTOCOL.md 10, point 1). */
static void revive(mesh_port_t *port)
{
    mesh_port_t *stand_in = port->stand_in;

    assert(port->state == MESH__DONE && stand_in != NULL);
    port->stand_in = NULL;
    mesh__port_enter(stand_in);
    stand_in->peer.node = port->core->self;
    stand_in->peer.port = port->id;
    stand_in->next_send = port->next_recv;
    stand_in->next_recv = port->next_send;
    port->peer.node = port->core->self;
    port->peer.port = stand_in->id;
    mesh__port_closed_set(port, 0);
    mesh__port_state_set(port, MESH__PEERED);
    mesh__port_close(stand_in);
}

static void move_port(mesh_port_t *port, const mesh_id_t *to,
                      unsigned char *res_data)
{
    mesh__core_t *core = port->core;
    mesh__res_data_t data;

    if (port->state == MESH__DONE)
        revive(port);
    mesh__core_fresh_id(core, &data.id);
    data.next_local_seq = port->next_send + 1;
    data.old.node = core->self;
    data.old.port = port->id;
    if (port->state == MESH__FAILED) {
        memset(&data.peer, 0, sizeof(data.peer));
        data.peer.node = port->culprit;
    }
    else {
        data.peer = port->peer;
        port->target.node = *to;
        port->target.port = data.id;
        mesh__port_state_set(port, MESH__SENDING);
    }
    mesh__res_data_put(res_data, &data);
    mesh__port_disown(port);
    mesh__port_settle(port);
}

void mesh__move_commit(mesh__core_t *core, mesh_message_t *message,
                       const mesh_id_t *to)
{
    (void)core;
    for (int i = 0; i < message->n_res; i++) {
        unsigned char *res_data = message->res_data + i * MESH__RES_DATA_LEN;
        mesh__res_t *res = &message->res[i];

        if (res->kind == MESH__RES_PORT)
            move_port(res->u.port, to, res_data);
        else {
            memset(res_data, 0, MESH__RES_DATA_LEN);
            message->handles[message->n_handles++] = res->u.handle;
        }
    }
    message->n_res = 0;
}

/* ---- arriving ---- */

static const unsigned char *res_data_at(const mesh_message_t *message, int i)
{
    return message->event + MESH__EVENT_HEAD_LEN
           + (apr_size_t)i * MESH__RES_DATA_LEN;
}

/* Make `n` ports with the spares they need on arrival, chained by
 * list_next. */
static apr_status_t alloc_ports(mesh__core_t *core, int n,
                                mesh_port_t **ret_ports)
{
    mesh_port_t *ports = NULL;

    for (; n > 0; n--) {
        mesh_port_t *port = mesh__port_alloc(core);

        if (port != NULL) {
            port->list_next = ports;
            ports = port;
        }
        if (port == NULL || mesh__port_spares(port, 2) != APR_SUCCESS)
            break;
    }
    if (n == 0) {
        *ret_ports = ports;
        return APR_SUCCESS;
    }
    while (ports != NULL) {
        mesh_port_t *next = ports->list_next;

        mesh__port_free_new(ports);
        ports = next;
    }
    return APR_ENOMEM;
}

/* Why a port that came in is dead from the start: its own end said so, or its
 * peer or the node it came from are gone. */
static const mesh_id_t *dead_because(const mesh_port_t *port,
                                     const mesh__res_data_t *data)
{
    mesh__core_t *core = port->core;

    if (mesh__id_is_zero(&data->peer.port)
        || mesh__is_lost(core, &data->peer.node))
        return &data->peer.node;
    if (mesh__is_lost(core, &data->old.node))
        return &data->old.node;
    return mesh__port_is_orphan(port) ? &core->self : NULL;
}

/* docs/PROTOCOL.md 2.4. A failed port is not acknowledged (11, point 3), but
 * if the old one does not know, it is told. Nobody honest was here before
 * itself, so nothing is sent to this node. */
static void port_arrives(mesh_port_t *port, const mesh__res_data_t *data,
                         mesh__peer_t *from)
{
    mesh__core_t *core = port->core;
    const mesh_id_t *culprit;
    mesh_message_t *note;

    port->id = data->id;
    port->next_send = data->next_local_seq;
    port->peer = data->peer;
    port->old_node = data->old.node;
    port->is_owned = 1;
    port->origin = from;
    from->n_ports++;
    culprit = dead_because(port, data);
    mesh__table_put(&core->ports, port);
    if (culprit != NULL)
        mesh__port_fail(port, culprit, MESH__TELL_NONE);
    if (mesh__id_is_zero(&data->peer.port)
        || mesh__id_equal(&data->old.node, &core->self)
        || mesh__is_lost(core, &data->old.node))
        return;
    if (culprit == NULL)
        note = mesh__port_note(port, MESH__EV_ACK_PORT, 0);
    else {
        note = mesh__port_note(port, MESH__EV_FAIL_PORT, MESH__FAIL_PORT_LEN);
        memcpy(note->data, culprit->bytes, MESH__FAIL_PORT_LEN);
    }
    mesh__route(port, note, &data->old);
}

/* Make the resources out of `ports`, as many as there are ids, and of the
 * handles that came. An id that is taken spoils the event; what else is in it
 * is made, so that it can be closed. */
static apr_status_t fill_in(mesh__core_t *core, mesh_message_t *message,
                            mesh_port_t *ports)
{
    apr_status_t rv = APR_SUCCESS;
    int n_used = 0;

    for (int i = 0; i < message->n_res; i++) {
        mesh__res_t *res = &message->res[i];
        mesh_port_t *port = ports;
        mesh__res_data_t data;

        mesh__res_data_get(res_data_at(message, i), &data);
        if (mesh__id_is_zero(&data.id)) {
            res->kind = MESH__RES_HANDLE;
            res->u.handle = MESH__HANDLE_NONE;
            if (n_used < message->n_handles)
                res->u.handle = message->handles[n_used++];
            else
                rv = MESH_E_RESOURCE;
            continue;
        }
        ports = port->list_next;
        port->list_next = NULL;
        res->kind = MESH__RES_PORT;
        res->u.port = NULL;
        if (mesh__table_find(&core->ports, &data.id) != NULL) {
            mesh__port_free_new(port);
            rv = MESH_E_PROTOCOL;
            continue;
        }
        res->u.port = port;
        port_arrives(port, &data, message->from);
    }
    if (n_used < message->n_handles)
        rv = MESH_E_RESOURCE;
    message->n_handles -= n_used;
    if (n_used > 0)
        memmove(message->handles, message->handles + n_used,
                (apr_size_t)message->n_handles * sizeof(*message->handles));
    return rv;
}

apr_status_t mesh__move_in(mesh__core_t *core, mesh_message_t *message,
                           int n_res)
{
    mesh_port_t *ports;
    int n_ports = 0;
    apr_status_t rv;

    for (int i = 0; i < n_res; i++) {
        mesh__res_data_t data;

        mesh__res_data_get(res_data_at(message, i), &data);
        n_ports += !mesh__id_is_zero(&data.id);
    }
    if (n_ports > MESH__MAX_PORTS_FROM - message->from->n_ports)
        return MESH_E_LIMIT;
    rv = mesh__table_reserve(&core->ports, (apr_size_t)n_ports);
    if (rv != APR_SUCCESS)
        return rv;
    if (n_res > 0) {
        message->res = malloc((apr_size_t)n_res * sizeof(*message->res));
        if (message->res == NULL)
            return APR_ENOMEM;
        message->res_cap = n_res;
    }
    rv = alloc_ports(core, n_ports, &ports);
    if (rv != APR_SUCCESS)
        return rv;
    message->n_res = n_res;
    return fill_in(core, message, ports);
}

/* ---- proxies ---- */

apr_status_t mesh__proxy_forward(mesh_port_t *port, mesh_message_t *event)
{
    mesh__core_t *core = port->core;
    int is_ours = mesh__id_equal(&port->target.node, &core->self);

    if (is_ours ? ++event->n_hops > MESH__MAX_HOPS
                : mesh__move_prepare(core, event) != APR_SUCCESS) {
        mesh__port_fail(port, &core->self, MESH__TELL_ALL);
        mesh__drop(core, event);
        return MESH_E_LIMIT;
    }
    if (!is_ours)
        mesh__move_commit(core, event, &port->target.node);
    event->seq = port->next_target++;
    mesh__route(port, event, &port->target);
    return APR_SUCCESS;
}

void mesh__proxy_begin(mesh_port_t *port, const mesh__addr_t *target,
                       apr_uint64_t first)
{
    mesh__change_peer_t change;
    mesh_message_t *message, *note;

    port->target = *target;
    port->next_target = first;
    mesh__port_state_set(port, MESH__PROXYING);
    while ((message = mesh__port_inbox_take(port)) != NULL) {
        message->flags = MESH__EV_FLAG_MESSAGE;
        message->type = MESH__EV_MESSAGE;
        if (mesh__proxy_forward(port, message) != APR_SUCCESS)
            return;
    }
    change.peer = *target;
    change.seq_delta = port->next_recv - port->next_target;
    note = mesh__port_note(port, MESH__EV_CHANGE_PEER, MESH__CHANGE_PEER_LEN);
    assert(note != NULL);
    mesh__change_peer_put(note->data, &change);
    note->seq = port->next_send++;
    mesh__route(port, note, &port->peer);
}

/* ---- bridging ---- */

static int has_peer(const mesh_port_t *port, const mesh_port_t *other)
{
    return port->state == MESH__PEERED
           && mesh__id_equal(&port->peer.node, &port->core->self)
           && mesh__id_equal(&port->peer.port, &other->id);
}

static apr_status_t prepare_bridge(mesh__core_t *core, mesh_port_t *port,
                                   const mesh_port_t *other,
                                   apr_size_t *n_entries)
{
    apr_status_t rv = prepare_port(core, port);

    *n_entries += port->state == MESH__DONE;
    if (rv != APR_SUCCESS || mesh__id_equal(&other->peer.node, &core->self))
        return rv;
    for (mesh_message_t *message = port->inbox.first; message != NULL;
         message = message->next) {
        rv = prepare(core, message, n_entries);
        if (rv != APR_SUCCESS)
            return rv;
    }
    return APR_SUCCESS;
}

/* One of them has ended, and there is nothing for the other to wait for. */
static void end_both(mesh_port_t *a, mesh_port_t *b)
{
    const mesh_port_t *failed = a->state == MESH__FAILED ? a : b;
    mesh_id_t culprit = failed->culprit;

    mesh__port_disown(a);
    mesh__port_disown(b);
    if (mesh__port_is_live(a))
        mesh__port_fail(a, &culprit, MESH__TELL_ALL);
    if (mesh__port_is_live(b))
        mesh__port_fail(b, &culprit, MESH__TELL_ALL);
    mesh__port_settle(a);
    mesh__port_settle(b);
}

static void join(mesh_port_t *a, mesh_port_t *b)
{
    mesh__addr_t a_peer, b_peer;
    apr_uint64_t a_first, b_first;

    if (a->state == MESH__DONE)
        revive(a);
    if (b->state == MESH__DONE)
        revive(b);
    a_peer = a->peer;
    b_peer = b->peer;
    /* Behind the CHANGE_PEER that each one's peer gets. */
    a_first = a->next_send + 1;
    b_first = b->next_send + 1;
    mesh__port_disown(a);
    mesh__port_disown(b);
    mesh__proxy_begin(a, &b_peer, b_first);
    mesh__proxy_begin(b, &a_peer, a_first);
    mesh__port_settle(a);
    mesh__port_settle(b);
}

apr_status_t mesh__core_bridge(mesh__core_t *core, mesh_port_t **a_var,
                               mesh_port_t **b_var)
{
    mesh_port_t *a = *a_var;
    mesh_port_t *b = *b_var;
    apr_size_t n_entries = 0;
    apr_status_t rv;

    if (a == b || has_peer(a, b) || has_peer(b, a))
        return MESH_E_CIRCULAR;
    if ((a->state == MESH__PEERED && a->is_closed)
        || (b->state == MESH__PEERED && b->is_closed))
        return APR_EINVAL;
    rv = prepare_bridge(core, a, b, &n_entries);
    if (rv == APR_SUCCESS)
        rv = prepare_bridge(core, b, a, &n_entries);
    if (rv == APR_SUCCESS)
        rv = mesh__table_reserve(&core->ports, n_entries);
    if (rv != APR_SUCCESS)
        return rv;
    *a_var = NULL;
    *b_var = NULL;
    if (a->state == MESH__FAILED || b->state == MESH__FAILED
        || (a->state == MESH__DONE && b->state == MESH__DONE))
        end_both(a, b);
    else
        join(a, b);
    mesh__pump(core);
    return APR_SUCCESS;
}
