/* What happens to a host between its launch and its end.
 *
 * It joins (first packet), its link ends, its process ends; the latter two in
 * either order. It is out of the slab when both have ended, so that everything
 * it sent is there, and every port it held has closed or failed, before its
 * exit is reported. */
#include "config.h"

#include "host_private.h"

#include <pal/log.h>

#include <string.h>

#define UNLINK_DELAY APR_USEC_PER_SEC /* from exit to cutting the link */
#define LINKLESS_DELAY (5 * APR_USEC_PER_SEC) /* from end of link to kill */
#define CRASH_DELAY (5 * APR_USEC_PER_SEC)    /* from request to SIGABRT */

static void note_exit(const mesh_host_t *host)
{
    pal_log_field_t fields[3];

    memset(fields, 0, sizeof(fields));
    fields[0].key = "pid";
    fields[0].number = host->pid;
    fields[1].key = "name";
    fields[1].text = host->name;
    fields[2].key = host->exit_signal ? "signal" : "code";
    fields[2].number = host->exit_signal ? host->exit_signal : host->exit_code;
    pal_log_write(mesh_node_log(host->hosts->node),
                  host->exit_code == 0 ? PAL_LOG_INFO : PAL_LOG_ERROR,
                  "mesh.host", "host exited", fields, 3);
}

static void report_joined(mesh_host_t *host, apr_status_t status)
{
    if (!APR_STATUS_IS_EAGAIN(host->joined))
        return;
    host->joined = status;
    if (host->joined_fn)
        host->joined_fn(host->joined_baton, host, status);
}

static void finish_if_over(mesh_host_t *host)
{
    if (!host->ended || host->linked)
        return;
    host->refs++; /* the callbacks may close it, and it leaves the slab */
    note_exit(host);
    report_joined(host, MESH_E_DIED);
    mesh__host_remove(host);
    if (host->exited_fn)
        host->exited_fn(host->exited_baton, host, APR_SUCCESS);
    mesh__host_unref(host);
}

void mesh__host_timer_set(mesh_host_t *host, host_timer_t what,
                          apr_interval_time_t delay)
{
    host->timer_for = what;
    if (what == HOST_TIMER_NONE)
        pal_timer_stop(host->timer);
    else
        (void)pal_timer_start(host->timer, delay);
}

void mesh__host_timer_fired(void *baton)
{
    mesh_host_t *host = baton;
    host_timer_t what = host->timer_for;

    host->timer_for = HOST_TIMER_NONE;
    switch (what) {
    case HOST_TIMER_NONE:
        break;
    case HOST_TIMER_JOIN:
        (void)pal_process_kill(host->process);
        report_joined(host, APR_TIMEUP);
        break;
    case HOST_TIMER_CRASH:
        (void)pal_process_abort(host->process);
        break;
    case HOST_TIMER_LINKLESS:
        (void)pal_process_kill(host->process);
        break;
    case HOST_TIMER_UNLINK: /* comes back as MESH__PEER_LOST */
        mesh__node_link_drop(host->hosts->node, &host->node_id);
        break;
    }
}

void mesh__host_peer_event(void *baton, mesh__peer_event_t event)
{
    mesh_host_t *host = baton;

    switch (event) {
    case MESH__PEER_HEARD:
        if (host->timer_for == HOST_TIMER_JOIN)
            mesh__host_timer_set(host, HOST_TIMER_NONE, 0);
        report_joined(host, APR_SUCCESS);
        break;
    case MESH__PEER_LOST:
        host->linked = 0;
        if (!host->ended)
            mesh__host_timer_set(host, HOST_TIMER_LINKLESS, LINKLESS_DELAY);
        finish_if_over(host);
        break;
    }
}

void mesh__host_process_ended(void *baton, pal_process_t *process)
{
    mesh_host_t *host = baton;

    host->ended = 1;
    host->exit_code = pal_process_exit_code(process);
    host->exit_signal = pal_process_exit_signal(process);
    if (host->linked)
        mesh__host_timer_set(host, HOST_TIMER_UNLINK, UNLINK_DELAY);
    finish_if_over(host);
}

/* ---- what users ask and tell ---- */

const char *mesh_host_name(mesh_host_t *host)
{
    return host->name;
}

apr_int64_t mesh_host_pid(mesh_host_t *host)
{
    return host->pid;
}

mesh_id_t mesh_host_node_id(mesh_host_t *host)
{
    return host->node_id;
}

int mesh_host_has_ended(mesh_host_t *host)
{
    return host->hosts == NULL;
}

int mesh_host_exit_code(mesh_host_t *host)
{
    return host->exit_code;
}

int mesh_host_exit_signal(mesh_host_t *host)
{
    return host->exit_signal;
}

void mesh_host_stop(mesh_host_t *host)
{
    mesh_sender_close(&host->requests);
}

apr_status_t mesh_host_kill(mesh_host_t *host)
{
    return host->hosts ? pal_process_kill(host->process) : APR_SUCCESS;
}

apr_status_t mesh_host_crash(mesh_host_t *host)
{
    Mesh__Host__HostRequest request = MESH__HOST__HOST_REQUEST__INIT;
    Mesh__Empty unit = MESH__EMPTY__INIT;
    apr_status_t rv = MESH_E_CLOSED;

    if (!host->hosts || host->ended)
        return APR_SUCCESS;
    if (!host->linked) /* no way to ask */
        return pal_process_abort(host->process);
    request.request_case = MESH__HOST__HOST_REQUEST__REQUEST_CRASH;
    request.crash = &unit;
    if (host->requests)
        rv = mesh_send(host->requests, &request.base);
    if (rv != APR_SUCCESS) /* no way to ask */
        return pal_process_abort(host->process);
    mesh__host_timer_set(host, HOST_TIMER_CRASH, CRASH_DELAY);
    return APR_SUCCESS;
}

static apr_status_t poll_joined(void *baton)
{
    mesh_host_t *host = baton;

    return host->joined;
}

static apr_status_t poll_ended(void *baton)
{
    mesh_host_t *host = baton;

    return host->hosts ? APR_EAGAIN : APR_SUCCESS;
}

/* The host may end meanwhile, and its slab with it. */
static apr_status_t wait_for(mesh_host_t *host,
                             apr_status_t (*poll)(void *baton),
                             apr_interval_time_t timeout)
{
    apr_status_t rv = poll(host);

    if (!APR_STATUS_IS_EAGAIN(rv))
        return rv;
    return mesh__node_wait(host->hosts->node, poll, host, timeout);
}

apr_status_t mesh_host_wait_joined(mesh_host_t *host,
                                   apr_interval_time_t timeout)
{
    return wait_for(host, poll_joined, timeout);
}

apr_status_t mesh_host_wait(mesh_host_t *host, apr_interval_time_t timeout)
{
    return wait_for(host, poll_ended, timeout);
}
