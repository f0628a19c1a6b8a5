/* Ports as users see them: sending, receiving, callbacks. */
#include "config.h"

#include "node_private.h"

#include <stdlib.h>

static mesh_node_t *node_of(mesh_port_t *port)
{
    return mesh__core_user(mesh__port_core(port));
}

mesh_node_t *mesh_port_node(mesh_port_t *port)
{
    return node_of(port);
}

apr_status_t mesh_port_pair(mesh_node_t *node, mesh_port_t **ret_a,
                            mesh_port_t **ret_b)
{
    apr_status_t rv;

    mesh__node_lock(node);
    rv = mesh__core_pair(node->core, ret_a, ret_b);
    mesh__node_unlock(node);
    return rv;
}

/* ---- callbacks ---- */

static void queue_hook(mesh_node_t *node, node_hook_t *hook)
{
    if (hook->queued)
        return;
    hook->queued = 1;
    hook->ready_next = NULL;
    *node->due_end = hook;
    node->due_end = &hook->ready_next;
}

void mesh__hook_due(mesh_node_t *node, mesh_port_t *port)
{
    node_hook_t *hook = mesh__port_user(port);

    if (!hook)
        return;
    if (hook->ready) {
        hook->due_ready = 1;
        queue_hook(node, hook);
    }
    /* An ended port is writable too: sends to it are dropped. */
    if (hook->writable
        && mesh__core_status(node->core, port, NULL) != APR_SUCCESS) {
        hook->due_writable = 1;
        queue_hook(node, hook);
    }
}

static node_hook_t *hook_get(mesh_node_t *node, mesh_port_t *port)
{
    node_hook_t *hook = mesh__port_user(port);

    if (hook)
        return hook;
    hook = calloc(1, sizeof(*hook));
    if (!hook)
        return NULL;
    hook->port = port;
    hook->next = node->hooks;
    if (hook->next)
        hook->next->prev = hook;
    node->hooks = hook;
    mesh__port_user_set(port, hook);
    return hook;
}

/* The port goes away, or into a message. Under the lock. */
static void hook_detach(mesh_node_t *node, mesh_port_t *port)
{
    node_hook_t *hook = mesh__port_user(port);

    if (!hook)
        return;
    if (hook->ready_cleanup)
        hook->ready_cleanup(hook->ready_baton);
    if (hook->prev)
        hook->prev->next = hook->next;
    else
        node->hooks = hook->next;
    if (hook->next)
        hook->next->prev = hook->prev;
    mesh__port_user_set(port, NULL);
    if (hook->queued)
        hook->closed = 1; /* freed when it leaves the queue */
    else
        free(hook);
}

void mesh__hooks_free(mesh_node_t *node)
{
    node_hook_t *hook;

    while ((hook = node->hooks) != NULL) {
        node->hooks = hook->next;
        mesh__port_user_set(hook->port, NULL);
        if (hook->ready_cleanup)
            hook->ready_cleanup(hook->ready_baton);
        if (hook->queued)
            hook->closed = 1;
        else
            free(hook);
    }
    while ((hook = node->due) != NULL) {
        node->due = hook->ready_next;
        free(hook);
    }
    node->due_end = &node->due;
}

apr_status_t mesh__port_ready_set(mesh_port_t *port, mesh_port_fn_t fn,
                                  void *baton, void (*cleanup)(void *baton))
{
    mesh_node_t *node = node_of(port);
    node_hook_t *hook;

    mesh__node_lock(node);
    hook = hook_get(node, port);
    if (hook) {
        if (hook->ready_cleanup)
            hook->ready_cleanup(hook->ready_baton);
        hook->ready = fn;
        hook->ready_baton = baton;
        hook->ready_cleanup = cleanup;
        hook->due_ready = 0;
        mesh__core_hold(node->core, port); /* tells what waits already */
        mesh__node_drain(node);
    }
    mesh__node_unlock(node);
    return hook ? APR_SUCCESS : APR_ENOMEM;
}

apr_status_t mesh_port_ready_set(mesh_port_t *port, mesh_port_fn_t fn,
                                 void *baton)
{
    return mesh__port_ready_set(port, fn, baton, NULL);
}

/* Would a send be refused, with `limit` for what waits in this node? Under the
 * lock. */
static int is_busy(mesh_node_t *node, mesh_port_t *port, int n_handles,
                   apr_size_t limit)
{
    apr_size_t waiting;
    node_peer_t *peer;
    mesh_id_t id;
    int remote = mesh__core_route(node->core, port, &id, &waiting);

    if (waiting > limit) {
        node->local_busy = 1;
        return 1;
    }
    peer = remote ? mesh__peer_find(node, &id) : NULL;
    if (!peer)
        return 0;
    if (!peer->ops)
        return peer->pending_bytes > node->queue_limit;
    return peer->ops->is_busy(peer->link, n_handles);
}

/* Some queue got shorter: who waits for that may try again. What waits in
 * this node must have shrunk to half, so that not every message received is a
 * turn for its sender. */
void mesh__node_writable(mesh_node_t *node)
{
    node_hook_t *hook;
    int any = 0;

    node->local_busy = 0;
    for (hook = node->hooks; hook; hook = hook->next) {
        if (hook->writable && !hook->due_writable
            && !is_busy(node, hook->port, 0, node->queue_limit / 2)) {
            hook->due_writable = 1;
            queue_hook(node, hook);
            any = 1;
        }
    }
    if (any)
        pal_wake_signal(node->wake);
}

apr_status_t mesh_port_writable_set(mesh_port_t *port, mesh_port_fn_t fn,
                                    void *baton)
{
    mesh_node_t *node = node_of(port);
    node_hook_t *hook;

    mesh__node_lock(node);
    hook = hook_get(node, port);
    if (hook) {
        hook->writable = fn;
        hook->writable_baton = baton;
        hook->due_writable = fn && !is_busy(node, port, 0, node->queue_limit);
        if (hook->due_writable) {
            queue_hook(node, hook);
            pal_wake_signal(node->wake);
        }
    }
    mesh__node_unlock(node);
    return hook ? APR_SUCCESS : APR_ENOMEM;
}

/* ---- sending ---- */

/* Everything that can be refused is refused before the core numbers the
 * message: a number that is never sent would stall the port. Under the lock.
 */
static apr_status_t check_send(mesh_node_t *node, mesh_port_t *port,
                               mesh_message_t *message)
{
    int n_handles = mesh__message_count_handles(message);
    apr_size_t waiting;
    node_peer_t *peer;
    mesh_id_t id;
    int remote = mesh__core_route(node->core, port, &id, &waiting);

    if (remote && n_handles > MESH_MAX_HANDLES)
        return MESH_E_LIMIT;
    if (is_busy(node, port, n_handles, node->queue_limit))
        return MESH_E_BUSY;
    if (!remote)
        return APR_SUCCESS;
    peer = mesh__peer_find(node, &id);
    if (peer && peer->ops)
        return peer->ops->prepare(peer->link, message);
    return APR_SUCCESS;
}

/* Ports in a message are held by no one who could be called. */
static void unhook_ports(mesh_node_t *node, mesh_message_t *message)
{
    int i;

    for (i = 0; i < message->n_res; i++)
        if (message->res[i].kind == MESH__RES_PORT && message->res[i].u.port)
            hook_detach(node, message->res[i].u.port);
}

apr_status_t mesh__port_send(mesh_port_t *port, mesh_message_t **message,
                             int last)
{
    mesh_node_t *node = node_of(port);
    apr_status_t rv;

    mesh__node_lock(node);
    rv = check_send(node, port, *message);
    if (rv == APR_SUCCESS) {
        unhook_ports(node, *message);
        rv = mesh__core_send(node->core, port, message, last);
    }
    mesh__node_drain(node);
    mesh__node_unlock(node);
    return rv;
}

apr_status_t mesh_port_send(mesh_port_t *port, mesh_message_t **message)
{
    return mesh__port_send(port, message, 0);
}

apr_status_t mesh_port_send_bytes(mesh_port_t *port, const void *data,
                                  apr_size_t len)
{
    mesh_message_t *message = NULL;
    apr_status_t rv = mesh_message_create(&message, data, len);

    if (rv == APR_SUCCESS)
        rv = mesh_port_send(port, &message);
    mesh_message_destroy(&message);
    return rv;
}

apr_status_t mesh_port_send_last(mesh_port_t **port, mesh_message_t **message)
{
    apr_status_t rv = mesh__port_send(*port, message, 1);

    if (rv == APR_SUCCESS)
        mesh_port_close(port);
    return rv;
}

/* ---- receiving ---- */

typedef struct receiving_t {
    mesh_port_t *port;
    mesh_message_t *message;
} receiving_t;

apr_status_t mesh__port_poll(mesh_port_t *port, mesh_message_t **ret_message)
{
    mesh_node_t *node = node_of(port);
    apr_status_t rv;

    mesh__node_lock(node);
    rv = mesh__core_recv(node->core, port, ret_message);
    mesh__node_drain(node);
    if (node->local_busy)
        mesh__node_writable(node);
    mesh__node_unlock(node);
    return rv;
}

static apr_status_t poll_receive(void *baton)
{
    receiving_t *r = baton;

    return mesh__port_poll(r->port, &r->message);
}

apr_status_t mesh_port_recv(mesh_port_t *port, apr_interval_time_t timeout,
                            mesh_message_t **ret_message)
{
    receiving_t r = {port, NULL};
    apr_status_t rv =
        mesh__node_wait(node_of(port), poll_receive, &r, timeout);

    if (rv == APR_SUCCESS)
        *ret_message = r.message;
    return rv;
}

/* ---- the rest ---- */

apr_status_t mesh_port_status(mesh_port_t *port)
{
    mesh_node_t *node = node_of(port);
    apr_status_t rv;

    mesh__node_lock(node);
    rv = mesh__core_status(node->core, port, NULL);
    mesh__node_unlock(node);
    return rv;
}

void mesh_port_fail(mesh_port_t *port)
{
    mesh_node_t *node = node_of(port);

    mesh__node_lock(node);
    mesh__core_fail(node->core, port);
    mesh__node_drain(node);
    mesh__node_unlock(node);
}

void mesh_port_close(mesh_port_t **port)
{
    mesh_node_t *node;

    if (!*port)
        return;
    node = node_of(*port);
    mesh__node_lock(node);
    hook_detach(node, *port);
    mesh__core_close(node->core, port);
    mesh__node_drain(node);
    mesh__node_unlock(node);
}

void mesh__port_unhook(mesh_port_t *port)
{
    mesh_node_t *node = node_of(port);

    mesh__node_lock(node);
    hook_detach(node, port);
    mesh__node_unlock(node);
}

void mesh__port_held(mesh_port_t *port)
{
    mesh_node_t *node = node_of(port);

    mesh__node_lock(node);
    mesh__core_hold(node->core, port);
    mesh__node_drain(node);
    mesh__node_unlock(node);
}

apr_status_t mesh_port_bridge(mesh_port_t **a, mesh_port_t **b)
{
    mesh_node_t *node = node_of(*a);
    apr_status_t rv;

    mesh__node_lock(node);
    hook_detach(node, *a);
    hook_detach(node, *b);
    rv = mesh__core_bridge(node->core, a, b);
    mesh__node_drain(node);
    mesh__node_unlock(node);
    return rv;
}

void mesh__node_close_ports(mesh_node_t *node)
{
    mesh_port_t *port;
    apr_size_t index;
    int n;

    mesh__node_lock(node);
    do {
        index = 0;
        for (n = 0; (port = mesh__core_next_held(node->core, &index)); n++) {
            hook_detach(node, port);
            mesh__core_close(node->core, &port);
            mesh__node_drain(node);
        }
    } while (n > 0);
    mesh__node_unlock(node);
}
