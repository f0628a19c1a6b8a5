/* Listening on a named pipe, and connecting to one.
 *
 * A pipe has instances, and each serves one client. A few of them wait at any
 * time, each with an event that is set when a client has come; one that is
 * accepted becomes the end, and another takes its place. Waiting is not done
 * by the completion port: what is tied to one stays so, and the end is still
 * to find its loop. */
#include "config.h"

#include <pal/listener.h>
#include <pal/status.h>

#include "pipe_win32.h"

#include "../pal_private.h"

#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

#define N_INSTANCES 8
#define DEFAULT_MODE 0600
#define DEFAULT_BACKLOG 128
#define RETRY 10000 /* us */

typedef struct instance_t {
    HANDLE pipe; /* INVALID_HANDLE_VALUE: none */
    HANDLE came; /* event */
    OVERLAPPED overlapped;
    pal_watch_t *watch;
} instance_t;

struct pal_listener_t {
    apr_pool_t *pool;
    pal__pipe_kind_t kind;
    int mode;
    int backlog;
    const char *name; /* NULL: not open */
    const char *sddl; /* NULL: by the mode */
    instance_t instances[N_INSTANCES];
    int n_instances;
    pal_loop_t *loop;
    pal_listener_fn_t fn;
    void *baton;
};

struct pal_connector_t {
    pal__pipe_kind_t kind;
    char *name;
    apr_time_t deadline;
    pal_timer_t *timer;
    pal_connect_fn_t fn;
    void *baton;
};

static pal__pipe_kind_t kind_of(pal_listen_kind_t kind)
{
    return kind == PAL_LISTEN_STREAM ? PAL__PIPE_STREAM : PAL__PIPE_CHANNEL;
}

static void peer_set(pal_peer_t *peer, ULONG pid)
{
    peer->pid = pid;
    peer->uid = peer->gid = -1;
}

/* ---- instances ---- */

static int has_come(const instance_t *instance)
{
    return instance->pipe != INVALID_HANDLE_VALUE
           && WaitForSingleObject(instance->came, 0) == WAIT_OBJECT_0;
}

/* Wait for a client; the event tells. */
static apr_status_t instance_wait(instance_t *instance)
{
    DWORD error;

    for (;;) {
        memset(&instance->overlapped, 0, sizeof(instance->overlapped));
        instance->overlapped.hEvent = instance->came;
        (void)ResetEvent(instance->came);
        if (ConnectNamedPipe(instance->pipe, &instance->overlapped))
            return APR_SUCCESS;
        error = GetLastError();
        if (error == ERROR_PIPE_CONNECTED)
            (void)SetEvent(instance->came);
        if (error == ERROR_PIPE_CONNECTED || error == ERROR_IO_PENDING)
            return APR_SUCCESS;
        /* It came and went. */
        if (error != ERROR_NO_DATA || !DisconnectNamedPipe(instance->pipe))
            return APR_FROM_OS_ERROR(error);
    }
}

static void instance_close(instance_t *instance)
{
    DWORD n;

    pal_watch_close(&instance->watch);
    if (instance->pipe != INVALID_HANDLE_VALUE) {
        if (CancelIoEx(instance->pipe, &instance->overlapped))
            (void)GetOverlappedResult(instance->pipe, &instance->overlapped,
                                      &n, TRUE);
        (void)CloseHandle(instance->pipe);
    }
    instance->pipe = INVALID_HANDLE_VALUE;
    if (instance->came != NULL)
        (void)CloseHandle(instance->came);
    instance->came = NULL;
}

static apr_status_t instance_open(pal_listener_t *listener,
                                  instance_t *instance, int is_first)
{
    apr_status_t rv;

    if (instance->came == NULL)
        instance->came = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (instance->came == NULL)
        return APR_FROM_OS_ERROR(GetLastError());
    rv = pal__pipe_serve(listener->kind, listener->name, listener->sddl,
                         listener->mode == DEFAULT_MODE, is_first,
                         PIPE_UNLIMITED_INSTANCES, &instance->pipe);
    if (rv == APR_SUCCESS)
        rv = instance_wait(instance);
    if (rv != APR_SUCCESS && instance->pipe != INVALID_HANDLE_VALUE) {
        (void)CloseHandle(instance->pipe);
        instance->pipe = INVALID_HANDLE_VALUE;
    }
    return rv;
}

/* ---- the listener ---- */

static apr_status_t close_listener(void *baton)
{
    pal_listener_close(baton);
    return APR_SUCCESS;
}

apr_status_t pal_listener_create(pal_listener_t **ret_listener,
                                 pal_listen_kind_t kind, apr_pool_t *pool)
{
    pal_listener_t *listener = apr_palloc(pool, sizeof(*listener));
    int i;

    if (listener == NULL)
        return APR_ENOMEM;
    memset(listener, 0, sizeof(*listener));
    listener->pool = pool;
    listener->kind = kind_of(kind);
    listener->mode = DEFAULT_MODE;
    listener->backlog = DEFAULT_BACKLOG;
    for (i = 0; i < N_INSTANCES; i++)
        listener->instances[i].pipe = INVALID_HANDLE_VALUE;
    apr_pool_cleanup_register(pool, listener, close_listener,
                              apr_pool_cleanup_null);
    *ret_listener = listener;
    return APR_SUCCESS;
}

apr_status_t pal_listener_mode_set(pal_listener_t *listener, int mode)
{
    if (mode < 0 || mode > 0777)
        return APR_EINVAL;
    listener->mode = mode;
    return APR_SUCCESS;
}

apr_status_t pal_listener_security_set(pal_listener_t *listener,
                                       const char *sddl)
{
    listener->sddl = apr_pstrdup(listener->pool, sddl);
    return APR_SUCCESS;
}

apr_status_t pal_listener_backlog_set(pal_listener_t *listener, int n)
{
    if (n < 1)
        return APR_EINVAL;
    listener->backlog = n;
    return APR_SUCCESS;
}

void pal_listener_replace_set(pal_listener_t *listener, int on)
{
    (void)listener; /* a pipe cannot be taken away from who serves it */
    (void)on;
}

apr_status_t pal_listener_open(pal_listener_t *listener, const char *path)
{
    apr_status_t rv = pal__pipe_name_check(path);
    int i;

    if (listener->name != NULL)
        return PAL_E_STARTED;
    if (rv == APR_SUCCESS && pal__pipe_is_served(listener->kind, path))
        rv = APR_EEXIST;
    if (rv != APR_SUCCESS)
        return rv;
    listener->name = apr_pstrdup(listener->pool, path);
    listener->n_instances =
        listener->backlog < N_INSTANCES ? listener->backlog : N_INSTANCES;
    for (i = 0; i < listener->n_instances && rv == APR_SUCCESS; i++)
        rv = instance_open(listener, &listener->instances[i], i == 0);
    if (rv != APR_SUCCESS) {
        pal_listener_close(listener);
        /* To the first instance it is denied when there is another pipe. */
        if (i == 1 && APR_STATUS_IS_EACCES(rv))
            rv = APR_EEXIST;
    }
    return rv;
}

static void on_came(void *baton, int events)
{
    pal_listener_t *listener = baton;

    (void)events;
    listener->fn(listener->baton, listener);
}

static void unwatch(pal_listener_t *listener)
{
    int i;

    for (i = 0; i < listener->n_instances; i++)
        pal_watch_close(&listener->instances[i].watch);
    listener->fn = NULL;
}

apr_status_t pal_listener_watch(pal_listener_t *listener, pal_loop_t *loop,
                                pal_listener_fn_t fn, void *baton)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    if (listener->name == NULL)
        return APR_EINVAL;
    if (fn == NULL) {
        unwatch(listener);
        return APR_SUCCESS;
    }
    if (listener->fn != NULL)
        return APR_EEXIST;
    listener->loop = loop;
    listener->fn = fn;
    listener->baton = baton;
    for (i = 0; i < listener->n_instances && rv == APR_SUCCESS; i++)
        rv = pal_watch_create(&listener->instances[i].watch, loop,
                              (pal_handle_t)listener->instances[i].came,
                              PAL_READABLE, on_came, listener);
    if (rv != APR_SUCCESS)
        unwatch(listener);
    return rv;
}

/* Take the client of this instance, and wait for another one.
 * Errors: APR_EAGAIN: it is gone already. */
static apr_status_t take(pal_listener_t *listener, instance_t *instance,
                         pal_handle_t *ret_end, pal_peer_t *ret_peer)
{
    instance_t next;
    ULONG pid = 0;
    apr_status_t rv;

    if (!GetNamedPipeClientProcessId(instance->pipe, &pid)) {
        (void)DisconnectNamedPipe(instance->pipe);
        rv = instance_wait(instance);
        return rv == APR_SUCCESS ? APR_EAGAIN : rv;
    }
    /* Its place first: without it the client goes on waiting. */
    next = *instance;
    next.pipe = INVALID_HANDLE_VALUE;
    rv = pal__pipe_serve(listener->kind, listener->name, listener->sddl,
                         listener->mode == DEFAULT_MODE, 0,
                         PIPE_UNLIMITED_INSTANCES, &next.pipe);
    if (rv != APR_SUCCESS)
        return rv;
    *ret_end = (pal_handle_t)instance->pipe;
    if (ret_peer != NULL)
        peer_set(ret_peer, pid);
    *instance = next;
    rv = instance_wait(instance);
    if (rv != APR_SUCCESS) { /* one fewer waits from now on */
        (void)CloseHandle(instance->pipe);
        instance->pipe = INVALID_HANDLE_VALUE;
        (void)ResetEvent(instance->came);
    }
    return APR_SUCCESS;
}

apr_status_t pal_listener_accept(pal_listener_t *listener,
                                 pal_handle_t *ret_end, pal_peer_t *ret_peer)
{
    apr_status_t rv;
    int i;

    if (listener->name == NULL)
        return APR_EINVAL;
    for (i = 0; i < listener->n_instances; i++) {
        if (!has_come(&listener->instances[i]))
            continue;
        rv = take(listener, &listener->instances[i], ret_end, ret_peer);
        if (!APR_STATUS_IS_EAGAIN(rv))
            return rv;
    }
    return APR_EAGAIN;
}

void pal_listener_close(pal_listener_t *listener)
{
    int i;

    unwatch(listener);
    for (i = 0; i < listener->n_instances; i++)
        instance_close(&listener->instances[i]);
    listener->n_instances = 0;
    listener->name = NULL;
}

apr_status_t pal_peer_process(pal_handle_t end, pal_process_t **ret_process)
{
    pal__pipe_kind_t kind;
    apr_status_t rv = pal__pipe_kind(end, &kind);

    (void)ret_process;
    if (rv != APR_SUCCESS)
        return rv;
    /* The pid may be another process's by now. */
    return kind == PAL__PIPE_OTHER ? PAL_E_KIND : APR_ENOTIMPL;
}

/* ---- connecting ---- */

static apr_status_t connect_now(pal_handle_t *ret_end, pal__pipe_kind_t kind,
                                const char *name, pal_peer_t *ret_peer)
{
    ULONG pid = 0;
    HANDLE pipe;
    apr_status_t rv = pal__pipe_connect(kind, name, &pipe);

    if (rv == APR_FROM_OS_ERROR(ERROR_PIPE_BUSY))
        return APR_EAGAIN;
    if (rv != APR_SUCCESS)
        return rv;
    if (ret_peer != NULL) {
        (void)GetNamedPipeServerProcessId(pipe, &pid);
        peer_set(ret_peer, pid);
    }
    *ret_end = (pal_handle_t)pipe;
    return APR_SUCCESS;
}

static apr_time_t deadline_of(apr_interval_time_t timeout)
{
    apr_time_t now = pal__clock_now();

    if (timeout < 0 || timeout > PAL__NEVER - now)
        return PAL__NEVER;
    return now + timeout;
}

apr_status_t pal_connect(pal_handle_t *ret_end, pal_listen_kind_t kind,
                         const char *path, apr_interval_time_t timeout,
                         pal_peer_t *ret_peer)
{
    apr_time_t deadline = deadline_of(timeout);
    apr_status_t rv = pal__pipe_name_check(path);

    while (rv == APR_SUCCESS) {
        rv = connect_now(ret_end, kind_of(kind), path, ret_peer);
        if (!APR_STATUS_IS_EAGAIN(rv))
            return rv;
        if (deadline <= pal__clock_now())
            return APR_TIMEUP;
        pal__pipe_wait(kind_of(kind), path, RETRY / 1000);
        rv = APR_SUCCESS;
    }
    return rv;
}

static void try_connect(void *baton)
{
    pal_connector_t *connector = baton;
    pal_handle_t end = PAL_HANDLE_NONE;
    pal_peer_t peer = {-1, -1, -1};
    apr_status_t rv =
        connect_now(&end, connector->kind, connector->name, &peer);

    if (APR_STATUS_IS_EAGAIN(rv)) {
        if (connector->deadline > pal__clock_now()) {
            (void)pal_timer_start(connector->timer, RETRY);
            return;
        }
        rv = APR_TIMEUP;
    }
    connector->fn(connector->baton, rv, &end, &peer);
    pal_handle_close(&end);
}

apr_status_t pal_connector_open(pal_connector_t **ret_connector,
                                pal_listen_kind_t kind, const char *path,
                                pal_loop_t *loop, apr_interval_time_t timeout,
                                pal_connect_fn_t fn, void *baton)
{
    apr_status_t rv = pal__pipe_name_check(path);
    pal_connector_t *connector;

    if (rv != APR_SUCCESS)
        return rv;
    connector = calloc(1, sizeof(*connector));
    if (connector == NULL)
        return APR_ENOMEM;
    connector->kind = kind_of(kind);
    connector->deadline = deadline_of(timeout);
    connector->fn = fn;
    connector->baton = baton;
    connector->name = malloc(strlen(path) + 1);
    if (connector->name == NULL)
        rv = APR_ENOMEM;
    else
        memcpy(connector->name, path, strlen(path) + 1);
    if (rv == APR_SUCCESS)
        rv = pal_timer_create(&connector->timer, loop, try_connect, connector);
    if (rv == APR_SUCCESS)
        rv = pal_timer_start(connector->timer, 0);
    if (rv != APR_SUCCESS) {
        pal_connector_close(&connector);
        return rv;
    }
    *ret_connector = connector;
    return APR_SUCCESS;
}

void pal_connector_close(pal_connector_t **connector)
{
    pal_connector_t *closing = *connector;

    if (closing == NULL)
        return;
    pal_timer_close(&closing->timer);
    free(closing->name);
    free(closing);
    *connector = NULL;
}
