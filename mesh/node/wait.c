/* Blocking calls: on the loop's thread they run the loop, on others they wait
 * for the condition that every delivery signals. And the orderly end. */
#include "config.h"

#include "node_private.h"

#include <pal/status.h>

#define SHUTDOWN_DEFAULT (2 * APR_USEC_PER_SEC)

typedef struct waiting_t {
    mesh_node_t *node;
    apr_status_t (*poll)(void *baton);
    void *baton;
    apr_status_t status;
} waiting_t;

static int is_done(void *baton)
{
    waiting_t *w = baton;

    if (mesh__node_is_stopping(w->node)) {
        w->status = MESH_E_STOPPING;
        return 1;
    }
    w->status = w->poll(w->baton);
    return !APR_STATUS_IS_EAGAIN(w->status);
}

static apr_status_t wait_on_loop(waiting_t *w, apr_interval_time_t timeout)
{
    apr_status_t rv = pal_loop_run_until(w->node->loop, is_done, w, timeout);

    if (rv == APR_SUCCESS)
        return w->status;
    if (rv == PAL_E_REENTRANT)
        return MESH_E_REENTRANT;
    if (APR_STATUS_IS_EINTR(rv) && mesh__node_is_stopping(w->node))
        return MESH_E_STOPPING;
    return rv;
}

/* What makes a poll succeed is counted in `changes` under the lock, so a
 * change between the poll and the wait is not missed. */
static apr_status_t wait_on_thread(waiting_t *w, apr_interval_time_t timeout)
{
    apr_time_t end = timeout < 0 ? 0 : apr_time_now() + timeout;
    apr_uint64_t seen;
    apr_interval_time_t left;

    for (;;) {
        mesh__node_lock(w->node);
        seen = w->node->changes;
        mesh__node_unlock(w->node);
        if (is_done(w))
            return w->status;
        left = timeout < 0 ? 0 : end - apr_time_now();
        if (timeout >= 0 && left <= 0)
            return APR_TIMEUP;
        mesh__node_lock(w->node);
        if (seen == w->node->changes) {
            if (timeout < 0)
                (void)apr_thread_cond_wait(w->node->changed, w->node->lock);
            else
                (void)apr_thread_cond_timedwait(w->node->changed,
                                                w->node->lock, left);
        }
        mesh__node_unlock(w->node);
    }
}

apr_status_t mesh__node_wait(mesh_node_t *node,
                             apr_status_t (*poll)(void *baton), void *baton,
                             apr_interval_time_t timeout)
{
    waiting_t w = {node, poll, baton, APR_EAGAIN};

    if (timeout == 0) /* a callback polls this way too */
        return is_done(&w) ? w.status : APR_TIMEUP;
    if (pal_loop_is_mine(node->loop))
        return wait_on_loop(&w, timeout);
    return wait_on_thread(&w, timeout);
}

void mesh__node_stop(mesh_node_t *node)
{
    mesh__node_lock(node);
    node->stopping = 1;
    node->changes++;
    (void)apr_thread_cond_broadcast(node->changed);
    mesh__node_unlock(node);
    pal_loop_stop(node->loop);
}

void mesh__node_unstop(mesh_node_t *node)
{
    mesh__node_lock(node);
    node->stopping = 0;
    mesh__node_unlock(node);
}

int mesh__node_is_stopping(mesh_node_t *node)
{
    int ret;

    mesh__node_lock(node);
    ret = node->stopping;
    mesh__node_unlock(node);
    return ret;
}

apr_status_t mesh__loop_run_until(pal_loop_t *loop, int (*done)(void *baton),
                                  void *baton, apr_interval_time_t timeout)
{
    apr_time_t end = apr_time_now() + timeout;
    apr_interval_time_t left = timeout;
    apr_status_t rv;

    do {
        rv = pal_loop_run_until(loop, done, baton, left);
        if (timeout >= 0) {
            left = end - apr_time_now();
            if (left < 0)
                left = 0;
        }
    } while (APR_STATUS_IS_EINTR(rv));
    return rv;
}

/* Not before the other ends have answered every close: without the answer, the
 * end of the connection could be seen before the close, which goes by way of
 * other nodes or waits for a link. */
static int all_is_settled(void *baton)
{
    mesh_node_t *node = baton;
    int n;

    mesh__node_lock(node);
    n = mesh__core_n_moving(node->core) + mesh__core_n_closing(node->core);
    mesh__node_unlock(node);
    return n == 0 && !mesh__node_any_pending(node);
}

static int no_links(void *baton)
{
    return !mesh__node_any_link(baton);
}

apr_status_t mesh_node_shutdown(mesh_node_t *node, apr_interval_time_t timeout)
{
    apr_status_t rv, settled;

    if (pal_loop_is_inside(node->loop))
        return MESH_E_REENTRANT;
    if (timeout < 0)
        timeout = SHUTDOWN_DEFAULT;
    mesh__node_unstop(node);
    settled = mesh__loop_run_until(node->loop, all_is_settled, node, timeout);
    if (node->ending)
        node->ending(node->ending_baton);
    node->ending = NULL;
    mesh__node_finish_links(node);
    rv = mesh__loop_run_until(node->loop, no_links, node, timeout);
    mesh__node_close_links(node);
    return rv != APR_SUCCESS ? rv : settled;
}
