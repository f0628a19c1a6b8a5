#include "config.h"

#include "node_private.h"

#include <pal/handle.h>

#include <apr_general.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define DISPATCH_MAX 256 /* callbacks in one go: other sources wait */

/* Ids are fetched from the system in large pieces: a pair of ports needs 32
 * bytes, and a system call each would be most of its cost. Used bytes are
 * wiped, so that a later look into this process finds no id of a port that
 * was sent away. */
static void node_random(void *baton, void *buf, apr_size_t len)
{
    mesh_node_t *node = baton;

    assert(len <= NODE_RANDOM);
    if (node->random_used + len > NODE_RANDOM) {
        apr_status_t rv = apr_generate_random_bytes(node->random, NODE_RANDOM);

        /* It worked when the node was made; guessable ids are no choice. */
        if (rv != APR_SUCCESS)
            abort();
        node->random_used = 0;
    }
    memcpy(buf, node->random + node->random_used, len);
    memset(node->random + node->random_used, 0, len);
    node->random_used += len;
}

static void node_woken(void *baton)
{
    mesh_node_t *node = baton;
    int attend;

    mesh__node_lock(node);
    attend = node->attend;
    node->attend = 0;
    mesh__node_unlock(node);
    if (attend)
        mesh__node_attend_links(node);
    mesh__node_dispatch(node);
}

static apr_status_t node_make_parts(mesh_node_t *node, const mesh_id_t *id)
{
    mesh_id_t self;
    apr_uint64_t key[2];
    apr_status_t rv = apr_generate_random_bytes(node->random, NODE_RANDOM);

    if (rv != APR_SUCCESS)
        return rv;
    node->random_used = 0;
    if (id)
        self = *id;
    else
        node_random(node, &self, sizeof(self));
    node_random(node, key, sizeof(key));
    mesh__table_init(&node->peers, key);
    rv = apr_thread_mutex_create(&node->lock, APR_THREAD_MUTEX_DEFAULT,
                                 node->pool);
    if (rv == APR_SUCCESS)
        rv = apr_thread_cond_create(&node->changed, node->pool);
    if (rv == APR_SUCCESS)
        rv = mesh__core_create(&node->core, &self, node_random, node);
    if (rv != APR_SUCCESS)
        return rv;
    mesh__core_user_set(node->core, node);
    mesh__core_unread_limit_set(node->core, node->unread_limit);
    rv = pal_wake_create(&node->wake, node->loop, node_woken, node);
    if (rv != APR_SUCCESS)
        mesh__core_destroy(node->core);
    return rv;
}

apr_status_t mesh__node_create(mesh_node_t **ret_node, const mesh_id_t *id,
                               pal_loop_t *loop, pal_log_t *log,
                               apr_pool_t *pool)
{
    apr_pool_t *own;
    apr_status_t rv = apr_pool_create(&own, pool);
    mesh_node_t *node;

    if (rv != APR_SUCCESS)
        return rv;
    node = calloc(1, sizeof(*node));
    if (!node) {
        apr_pool_destroy(own);
        return APR_ENOMEM;
    }
    node->pool = own;
    node->loop = loop;
    node->log = log;
    node->due_end = &node->due;
    node->queue_limit = node->unread_limit = MESH__DEFAULT_UNREAD;
    rv = node_make_parts(node, id);
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(own);
        free(node);
        return rv;
    }
    *ret_node = node;
    return APR_SUCCESS;
}

void mesh_node_destroy(mesh_node_t **node_var)
{
    mesh_node_t *node = *node_var;
    mesh__out_t out;

    *node_var = NULL;
    if (!node)
        return;
    if (node->ending)
        node->ending(node->ending_baton);
    mesh__node_close_links(node);
    pal_wake_close(&node->wake);
    mesh__node_lock(node);
    mesh__hooks_free(node);
    mesh__core_end(node->core);
    while (mesh__core_next(node->core, &out))
        if (out.message)
            mesh__message_dispose(node, out.message);
    mesh__node_unlock(node);
    mesh__core_destroy(node->core);
    mesh__table_fini(&node->peers);
    memset(node->random, 0, sizeof(node->random));
    apr_pool_destroy(node->pool);
    free(node);
}

void mesh__node_lock(mesh_node_t *node)
{
    (void)apr_thread_mutex_lock(node->lock);
}

void mesh__node_unlock(mesh_node_t *node)
{
    (void)apr_thread_mutex_unlock(node->lock);
}

mesh__core_t *mesh__node_core(mesh_node_t *node)
{
    return node->core;
}

void mesh__node_drain(mesh_node_t *node)
{
    mesh__out_t out;
    int ready = 0;

    while (mesh__core_next(node->core, &out)) {
        switch (out.kind) {
        case MESH__OUT_SEND:
            mesh__peer_send(node, &out.node, &out.message);
            break;
        case MESH__OUT_READY:
            mesh__hook_due(node, out.port);
            ready = 1;
            break;
        case MESH__OUT_DROP:
            mesh__message_dispose(node, out.message);
            break;
        }
    }
    if (ready) {
        node->changes++;
        (void)apr_thread_cond_broadcast(node->changed);
    }
    if (node->due || node->attend)
        pal_wake_signal(node->wake);
}

/* Take the next due callback off the queue. Under the lock. */
static int next_due(mesh_node_t *node, mesh_port_fn_t *ret_fn,
                    void **ret_baton, mesh_port_t **ret_port)
{
    node_hook_t *hook;

    while ((hook = node->due) != NULL) {
        if (hook->closed || !(hook->due_ready || hook->due_writable)) {
            node->due = hook->ready_next;
            if (!node->due)
                node->due_end = &node->due;
            hook->queued = 0;
            if (hook->closed)
                free(hook);
            continue;
        }
        *ret_port = hook->port;
        if (hook->due_writable) {
            hook->due_writable = 0;
            *ret_fn = hook->writable;
            *ret_baton = hook->writable_baton;
            hook->writable = NULL; /* once */
        }
        else {
            hook->due_ready = 0;
            *ret_fn = hook->ready;
            *ret_baton = hook->ready_baton;
        }
        if (*ret_fn)
            return 1;
    }
    return 0;
}

void mesh__node_dispatch(mesh_node_t *node)
{
    mesh_port_fn_t fn;
    mesh_port_t *port;
    void *baton;
    int n, more = 1;

    for (n = 0; n < DISPATCH_MAX && more; n++) {
        mesh__node_lock(node);
        more = next_due(node, &fn, &baton, &port);
        mesh__node_unlock(node);
        if (more)
            fn(baton, port);
    }
    if (more)
        pal_wake_signal(node->wake);
}

mesh_id_t mesh_node_id(mesh_node_t *node)
{
    return *mesh__core_self(node->core);
}

pal_loop_t *mesh_node_loop(mesh_node_t *node)
{
    return node->loop;
}

pal_log_t *mesh_node_log(mesh_node_t *node)
{
    return node->log;
}

char *mesh_id_text(const mesh_id_t *id, char buf[MESH_ID_TEXT_LEN])
{
    return mesh__id_text(id, buf);
}

void mesh_node_limits_set(mesh_node_t *node, apr_size_t queued,
                          apr_size_t unread)
{
    mesh__node_lock(node);
    node->queue_limit = queued;
    node->unread_limit = unread;
    mesh__core_unread_limit_set(node->core, unread);
    mesh__node_unlock(node);
}

apr_size_t mesh__node_queue_limit(mesh_node_t *node)
{
    return node->queue_limit;
}

apr_size_t mesh__node_unread_limit(mesh_node_t *node)
{
    return node->unread_limit;
}

unsigned char *mesh__node_buffer(mesh_node_t *node)
{
    return node->buffer;
}

void mesh__node_ending_set(mesh_node_t *node, void (*fn)(void *baton),
                           void *baton)
{
    node->ending = fn;
    node->ending_baton = baton;
}

void mesh__node_need_link_set(mesh_node_t *node, mesh__need_link_fn_t fn,
                              void *baton)
{
    node_peer_t *peer;

    mesh__node_lock(node);
    node->need_link = fn;
    node->need_link_baton = baton;
    for (peer = node->first_peer; fn && peer; peer = peer->next)
        peer->asked = 0;
    mesh__node_attend(node);
    mesh__node_unlock(node);
}

void mesh__node_leader_set(mesh_node_t *node, void *leader)
{
    node->leader = leader;
}

void *mesh__node_leader(mesh_node_t *node)
{
    return node->leader;
}

void mesh__node_lifeline_set(mesh_node_t *node, const mesh_id_t *id)
{
    node->lifeline = *id;
}

apr_status_t mesh__node_lifeline(mesh_node_t *node)
{
    return node->lifeline_why;
}
