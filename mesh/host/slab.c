/* The slab: all hosts of a node that run. */
#include "config.h"

#include "host_private.h"

#include <pal/pal.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include <stdlib.h>
#include <string.h>

#define KILL_TIMEOUT (5 * APR_USEC_PER_SEC) /* for the death of a killed one */

apr_status_t mesh_hosts_create(mesh_hosts_t **ret_hosts, mesh_node_t *node,
                               apr_pool_t *pool)
{
    mesh_hosts_t *hosts = calloc(1, sizeof(*hosts));

    if (!hosts)
        return APR_ENOMEM;
    hosts->node = node;
    hosts->pool = pool;
    *ret_hosts = hosts;
    return APR_SUCCESS;
}

mesh_node_t *mesh_hosts_node(mesh_hosts_t *hosts)
{
    return hosts->node;
}

int mesh_hosts_count(mesh_hosts_t *hosts)
{
    return hosts->n;
}

apr_status_t mesh_hosts_list(mesh_hosts_t *hosts,
                             apr_array_header_t **ret_infos, apr_pool_t *pool)
{
    apr_array_header_t *infos =
        apr_array_make(pool, hosts->n, sizeof(mesh_host_info_t));
    mesh_host_t *host;

    for (host = hosts->first; host; host = host->next) {
        mesh_host_info_t *info = apr_array_push(infos);

        info->name = apr_pstrdup(pool, host->name);
        info->pid = host->pid;
        info->node = host->node_id;
    }
    *ret_infos = infos;
    return APR_SUCCESS;
}

/* ---- entries ---- */

apr_status_t mesh__host_make(mesh_host_t **ret_host, mesh_hosts_t *hosts,
                             const mesh_host_config_t *config)
{
    mesh_host_t *host = calloc(1, sizeof(*host));
    apr_status_t rv;

    if (!host)
        return APR_ENOMEM;
    rv = apr_pool_create(&host->pool, NULL);
    if (rv == APR_SUCCESS)
        rv = pal_timer_create(&host->timer, mesh_node_loop(hosts->node),
                              mesh__host_timer_fired, host);
    if (rv != APR_SUCCESS) {
        if (host->pool)
            apr_pool_destroy(host->pool);
        free(host);
        return rv;
    }
    host->name = apr_pstrdup(host->pool, config->name);
    host->joined = APR_EAGAIN;
    host->exit_code = -1;
    host->joined_fn = config->joined;
    host->joined_baton = config->joined_baton;
    host->exited_fn = config->exited;
    host->exited_baton = config->exited_baton;
    host->refs = 1;
    host->hosts = hosts;
    host->next = hosts->first;
    if (host->next)
        host->next->prev = host;
    hosts->first = host;
    hosts->n++;
    *ret_host = host;
    return APR_SUCCESS;
}

void mesh__host_unref(mesh_host_t *host)
{
    if (--host->refs > 0)
        return;
    apr_pool_destroy(host->pool);
    free(host);
}

void mesh__host_remove(mesh_host_t *host)
{
    mesh_hosts_t *hosts = host->hosts;

    if (host->prev)
        host->prev->next = host->next;
    else
        hosts->first = host->next;
    if (host->next)
        host->next->prev = host->prev;
    hosts->n--;
    host->hosts = NULL;
    pal_timer_close(&host->timer);
    mesh_sender_close(&host->requests);
    pal_process_close(&host->process);
    mesh__host_unref(host);
}

void mesh_host_close(mesh_host_t **host)
{
    if (!*host)
        return;
    mesh__host_unref(*host);
    *host = NULL;
}

/* ---- the end ---- */

static int is_empty(void *baton)
{
    mesh_hosts_t *hosts = baton;

    return hosts->n == 0;
}

apr_status_t mesh_hosts_shutdown(mesh_hosts_t *hosts,
                                 apr_interval_time_t timeout)
{
    pal_loop_t *loop = mesh_node_loop(hosts->node);
    mesh_host_t *host;
    apr_status_t rv;

    if (pal_loop_is_inside(loop))
        return MESH_E_REENTRANT;
    hosts->closing = 1;
    for (host = hosts->first; host; host = host->next)
        mesh_host_stop(host);
    rv = mesh__loop_run_until(loop, is_empty, hosts, timeout);
    if (hosts->n == 0)
        return APR_SUCCESS;
    for (host = hosts->first; host; host = host->next)
        (void)mesh_host_kill(host);
    (void)mesh__loop_run_until(loop, is_empty, hosts, KILL_TIMEOUT);
    return rv;
}

void mesh_hosts_destroy(mesh_hosts_t **hosts_var)
{
    mesh_hosts_t *hosts = *hosts_var;
    mesh_host_t *host;

    *hosts_var = NULL;
    if (!hosts)
        return;
    while ((host = hosts->first) != NULL) {
        (void)pal_process_kill(host->process);
        (void)pal_process_wait(host->process, KILL_TIMEOUT);
        mesh__node_peer_unwatch(hosts->node, &host->node_id);
        mesh__node_link_drop(hosts->node, &host->node_id);
        mesh__host_remove(host);
    }
    free(hosts);
}

/* ---- all in one ---- */

apr_status_t mesh_open(mesh_hosts_t **ret_hosts)
{
    mesh_node_t *node = NULL;
    pal_loop_t *loop = NULL;
    apr_pool_t *pool = NULL;
    apr_status_t rv = pal_initialize();

    if (rv != APR_SUCCESS)
        return rv;
    rv = apr_pool_create(&pool, NULL);
    if (rv == APR_SUCCESS)
        rv = pal_loop_create(&loop, pool);
    if (rv == APR_SUCCESS)
        rv = mesh_node_create(&node, loop, NULL, pool);
    if (rv == APR_SUCCESS)
        rv = mesh_hosts_create(ret_hosts, node, pool);
    if (rv == APR_SUCCESS) {
        (*ret_hosts)->owns_node = 1;
        (*ret_hosts)->loop = loop;
        (*ret_hosts)->root = pool;
        return APR_SUCCESS;
    }
    mesh_node_destroy(&node);
    if (loop)
        pal_loop_destroy(loop);
    if (pool)
        apr_pool_destroy(pool);
    pal_terminate();
    return rv;
}

apr_status_t mesh_close(mesh_hosts_t **hosts, apr_interval_time_t timeout)
{
    mesh_node_t *node;
    pal_loop_t *loop;
    apr_pool_t *pool;
    apr_status_t rv, rv2;

    if (!*hosts)
        return APR_SUCCESS;
    node = (*hosts)->node;
    loop = (*hosts)->loop;
    pool = (*hosts)->root;
    rv = mesh_hosts_shutdown(*hosts, timeout);
    if (rv == MESH_E_REENTRANT)
        return rv;
    rv2 = mesh_node_shutdown(node, timeout);
    mesh_hosts_destroy(hosts);
    mesh_node_destroy(&node);
    pal_loop_destroy(loop);
    apr_pool_destroy(pool);
    pal_terminate();
    return rv != APR_SUCCESS ? rv : rv2;
}
