/* Watches of handles that can be waited for: a thread of the system's pool
 * waits and posts to the loop. */
#include "config.h"

#include "poller_iocp.h"

#include <pal/loop.h>
#include <pal/status.h>

#include <stdlib.h>

struct pal_watch_t {
    pal_watch_t *next; /* of all that are open */
    pal__source_t *source;
    PTP_WAIT wait;
    HANDLE handle;
    int events; /* wanted */
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

/* Files and pipes are no such handles: signalled says nothing about what a
 * read or a write would do. */
static apr_status_t check(HANDLE handle, int events)
{
    DWORD flags, type;

    if (handle == NULL || handle == INVALID_HANDLE_VALUE
        || !GetHandleInformation(handle, &flags))
        return APR_EBADF;
    type = GetFileType(handle);
    if (type == FILE_TYPE_DISK || type == FILE_TYPE_PIPE)
        return PAL_E_KIND;
    return events & PAL_WRITABLE ? APR_EINVAL : APR_SUCCESS;
}

apr_status_t pal_watch_create(pal_watch_t **ret_watch, pal_loop_t *loop,
                              pal_handle_t handle, int events,
                              pal_watch_fn_t fn, void *baton)
{
    apr_status_t rv = check((HANDLE)handle, events);
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
    watch->wait = CreateThreadpoolWait(waited, watch, NULL);
    if (watch->wait == NULL)
        rv = APR_FROM_OS_ERROR(GetLastError());
    else
        rv = pal__source_create(&watch->source, loop, &watch_ops, watch);
    if (rv != APR_SUCCESS) {
        pal_watch_close(&watch);
        return rv;
    }
    *ret_watch = watch;
    return APR_SUCCESS;
}

apr_status_t pal_watch_set(pal_watch_t *watch, int events)
{
    if (events & PAL_WRITABLE)
        return APR_EINVAL;
    watch->events = events;
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
    pal__source_close(&closing->source);
    all_remove(closing);
    free(closing);
    *watch = NULL;
}
