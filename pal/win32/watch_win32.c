/* Watches: of handles that can be waited for, where a thread of the system's
 * pool waits and posts to the loop; and of byte pipes, which the system does
 * not let anybody wait for unless they were made for it, which those of other
 * programs are not: so they are looked at, at every turn and every PERIOD. */
#include "config.h"

#include "poller_iocp.h"

#include <pal/loop.h>
#include <pal/status.h>

#include <stdlib.h>

#include <winternl.h>

#define PERIOD 10 /* ms */

/* What the system's headers leave out. */
#define PIPE_LOCAL_INFORMATION ((FILE_INFORMATION_CLASS)24)
#define PIPE_CONNECTED 3

typedef struct pipe_info_t {
    ULONG type, configuration, max_instances, n_instances;
    ULONG in_quota, n_readable, out_quota, n_writable;
    ULONG state, end;
} pipe_info_t;

struct pal_watch_t {
    pal_watch_t *next; /* of all that are open */
    pal__source_t *source;
    PTP_WAIT wait;   /* NULL: a pipe */
    PTP_TIMER timer; /* of a pipe */
    HANDLE handle;
    int events; /* wanted */
    int told_hangup;
    int is_waiting;
    int is_signalled; /* and not told yet, since nothing was wanted */
    pal_watch_fn_t fn;
    void *baton;
};

/* Every open watch of the process, so that a handle is watched once only. */
static SRWLOCK all_lock = SRWLOCK_INIT;
static pal_watch_t *all;

static int all_add(pal_watch_t *watch)
{
    const pal_watch_t *other;

    AcquireSRWLockExclusive(&all_lock);
    for (other = all; other != NULL; other = other->next) {
        if (other->handle == watch->handle)
            break;
    }
    if (other == NULL) {
        watch->next = all;
        all = watch;
    }
    ReleaseSRWLockExclusive(&all_lock);
    return other == NULL;
}

static void all_remove(pal_watch_t *watch)
{
    pal_watch_t **p = &all;

    AcquireSRWLockExclusive(&all_lock);
    while (*p != watch)
        p = &(*p)->next;
    *p = watch->next;
    ReleaseSRWLockExclusive(&all_lock);
}

static VOID CALLBACK waited(PTP_CALLBACK_INSTANCE instance, PVOID baton,
                            PTP_WAIT wait, TP_WAIT_RESULT result)
{
    pal_watch_t *watch = baton;

    (void)instance;
    (void)wait;
    (void)result;
    pal__source_post(watch->source);
}

static void watch_arm(void *baton)
{
    pal_watch_t *watch = baton;

    if (watch->is_waiting || !(watch->events & PAL_READABLE))
        return;
    /* The answer at once, if there is one: nothing is known of how long the
     * pool takes. */
    if (watch->is_signalled
        || WaitForSingleObject(watch->handle, 0) != WAIT_TIMEOUT) {
        watch->is_signalled = 1;
        pal__source_ready(watch->source);
        return;
    }
    watch->is_waiting = 1;
    SetThreadpoolWait(watch->wait, watch->handle, NULL);
}

static int watch_call(void *baton)
{
    pal_watch_t *watch = baton;

    /* The wait may have used up the signal, so it is kept until it is told. */
    watch->is_waiting = 0;
    watch->is_signalled = 1;
    if (!(watch->events & PAL_READABLE))
        return 0;
    watch->is_signalled = 0;
    watch->fn(watch->baton, PAL_READABLE);
    return 1;
}

static const pal__source_ops_t watch_ops = {watch_arm, watch_call};

/* ---- pipes ---- */

static VOID CALLBACK period_over(PTP_CALLBACK_INSTANCE instance, PVOID baton,
                                 PTP_TIMER timer)
{
    pal_watch_t *watch = baton;

    (void)instance;
    (void)timer;
    pal__source_post(watch->source);
}

static int is_connected(HANDLE pipe)
{
    IO_STATUS_BLOCK status;
    pipe_info_t info;

    return NtQueryInformationFile(pipe, &status, &info, sizeof(info),
                                  PIPE_LOCAL_INFORMATION)
               != 0
           || info.state == PIPE_CONNECTED;
}

static int pipe_events(pal_watch_t *watch)
{
    DWORD there = 0;

    if (PeekNamedPipe(watch->handle, NULL, 0, NULL, &there, NULL))
        return there > 0 ? PAL_READABLE & watch->events : 0;
    /* The end to write on: whether there is room it does not tell. */
    if (GetLastError() == ERROR_ACCESS_DENIED && is_connected(watch->handle))
        return PAL_WRITABLE & watch->events;
    return watch->events == 0 && watch->told_hangup
               ? 0
               : PAL_HANGUP | watch->events;
}

static void pipe_arm(void *baton)
{
    pal_watch_t *watch = baton;
    LONGLONG due = -PERIOD * 10000; /* from now, in 100 ns */
    FILETIME time;

    if (pipe_events(watch) != 0) {
        pal__source_ready(watch->source);
        return;
    }
    if (watch->is_waiting)
        return;
    watch->is_waiting = 1;
    time.dwLowDateTime = (DWORD)due;
    time.dwHighDateTime = (DWORD)((ULONGLONG)due >> 32);
    SetThreadpoolTimer(watch->timer, &time, 0, 0);
}

static int pipe_call(void *baton)
{
    pal_watch_t *watch = baton;
    int events = pipe_events(watch);

    /* A period that is under way does no harm. */
    watch->is_waiting = 0;
    if (events == 0)
        return 0;
    watch->told_hangup = (events & PAL_HANGUP) != 0;
    watch->fn(watch->baton, events);
    return 1;
}

static const pal__source_ops_t pipe_ops = {pipe_arm, pipe_call};

/* ---- all ---- */

/* Whether a file is signalled says nothing about what a read would do. */
static apr_status_t check(HANDLE handle, int events, int *ret_is_pipe)
{
    DWORD flags, type;

    if (handle == NULL || handle == INVALID_HANDLE_VALUE
        || !GetHandleInformation(handle, &flags))
        return APR_EBADF;
    type = GetFileType(handle);
    if (type == FILE_TYPE_DISK)
        return PAL_E_KIND;
    *ret_is_pipe = type == FILE_TYPE_PIPE;
    return type != FILE_TYPE_PIPE && (events & PAL_WRITABLE) ? APR_EINVAL
                                                             : APR_SUCCESS;
}

static apr_status_t start(pal_watch_t *watch, pal_loop_t *loop, int is_pipe)
{
    if (is_pipe)
        watch->timer = CreateThreadpoolTimer(period_over, watch, NULL);
    else
        watch->wait = CreateThreadpoolWait(waited, watch, NULL);
    if (watch->timer == NULL && watch->wait == NULL)
        return APR_FROM_OS_ERROR(GetLastError());
    return pal__source_create(&watch->source, loop,
                              is_pipe ? &pipe_ops : &watch_ops, watch);
}

apr_status_t pal_watch_create(pal_watch_t **ret_watch, pal_loop_t *loop,
                              pal_handle_t handle, int events,
                              pal_watch_fn_t fn, void *baton)
{
    int is_pipe = 0;
    apr_status_t rv = check((HANDLE)handle, events, &is_pipe);
    pal_watch_t *watch;

    if (rv != APR_SUCCESS)
        return rv;
    watch = calloc(1, sizeof(*watch));
    if (watch == NULL)
        return APR_ENOMEM;
    watch->handle = (HANDLE)handle;
    watch->events = events;
    watch->fn = fn;
    watch->baton = baton;
    if (!all_add(watch)) {
        free(watch);
        return APR_EEXIST;
    }
    rv = start(watch, loop, is_pipe);
    if (rv != APR_SUCCESS) {
        pal_watch_close(&watch);
        return rv;
    }
    *ret_watch = watch;
    return APR_SUCCESS;
}

apr_status_t pal_watch_set(pal_watch_t *watch, int events)
{
    if (watch->timer == NULL && (events & PAL_WRITABLE))
        return APR_EINVAL;
    watch->events = events;
    watch->told_hangup = 0;
    pal__source_rearm(watch->source);
    return APR_SUCCESS;
}

void pal_watch_close(pal_watch_t **watch)
{
    pal_watch_t *closing = *watch;

    if (closing == NULL)
        return;
    if (closing->wait != NULL) {
        SetThreadpoolWait(closing->wait, NULL, NULL);
        WaitForThreadpoolWaitCallbacks(closing->wait, TRUE);
        CloseThreadpoolWait(closing->wait);
    }
    if (closing->timer != NULL) {
        SetThreadpoolTimer(closing->timer, NULL, 0, 0);
        WaitForThreadpoolTimerCallbacks(closing->timer, TRUE);
        CloseThreadpoolTimer(closing->timer);
    }
    pal__source_close(&closing->source);
    all_remove(closing);
    free(closing);
    *watch = NULL;
}
