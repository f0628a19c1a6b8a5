/* The poller on Linux: epoll for handles, an eventfd for interrupts, one
 * timerfd for deadlines.
 *
 * A finite timeout of epoll_wait costs a microsecond a turn, and setting the
 * timerfd every turn more than that; one that is set and left alone costs
 * nothing. So the wait has no timeout, and the timerfd is set only when the
 * next deadline is earlier than what it is set to. It may go off for a
 * deadline that is no more; then it is set to the next one.
 *
 * Both are watched edge triggered and never read: setting the timerfd again
 * resets it, and the counter of the eventfd does not get full. */
#include "config.h"

#include "../pal_private.h"

#include <pal/loop.h>

#include <apr_errno.h>

#include <assert.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define MAX_FETCHED 128

struct pal_watch_t {
    pal__poller_t *poller;
    int fd;
    int events; /* wanted */
    pal_watch_fn_t fn;
    void *baton;
    int is_closed;
    pal_watch_t *next_closed;
};

struct pal__poller_t {
    int epoll;
    int interrupt;
    int timer;
    apr_time_t armed; /* what the timerfd is set to, PAL__NEVER if it is off */
    /* An event names its watch by address, so a watch that is closed while
     * events are delivered stays in memory, marked, until the last of them is
     * done; to look for it among the rest instead would make closing many
     * watches quadratic. */
    int is_delivering;
    pal_watch_t *closed;
    int n_fetched;
    struct epoll_event fetched[MAX_FETCHED];
};

/* data.ptr of the two events that are no watch. */
static char interrupt_mark, timer_mark;

static void close_fd(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

static int add_own(pal__poller_t *poller, int fd, char *mark)
{
    struct epoll_event event;

    memset(&event, 0, sizeof(event));
    event.events = EPOLLIN | EPOLLET;
    event.data.ptr = mark;
    return epoll_ctl(poller->epoll, EPOLL_CTL_ADD, fd, &event);
}

apr_status_t pal__poller_create(pal__poller_t **ret_poller, apr_pool_t *pool)
{
    pal__poller_t *poller = apr_palloc(pool, sizeof(*poller));
    apr_status_t rv;

    if (poller == NULL)
        return APR_ENOMEM;
    memset(poller, 0, sizeof(*poller));
    poller->armed = PAL__NEVER;
    poller->interrupt = poller->timer = -1;
    poller->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (poller->epoll >= 0)
        poller->interrupt = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (poller->interrupt >= 0)
        poller->timer =
            timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (poller->timer < 0
        || add_own(poller, poller->interrupt, &interrupt_mark) != 0
        || add_own(poller, poller->timer, &timer_mark) != 0) {
        rv = errno;
        pal__poller_destroy(poller);
        return rv;
    }
    *ret_poller = poller;
    return APR_SUCCESS;
}

void pal__poller_destroy(pal__poller_t *poller)
{
    close_fd(poller->timer);
    close_fd(poller->interrupt);
    close_fd(poller->epoll);
}

static apr_status_t arm(pal__poller_t *poller, apr_time_t deadline)
{
    struct itimerspec spec;

    memset(&spec, 0, sizeof(spec));
    spec.it_value.tv_sec = (time_t)(deadline / APR_USEC_PER_SEC);
    spec.it_value.tv_nsec = (long)(deadline % APR_USEC_PER_SEC) * 1000;
    if (timerfd_settime(poller->timer, TFD_TIMER_ABSTIME, &spec, NULL) != 0)
        return errno;
    poller->armed = deadline;
    return APR_SUCCESS;
}

apr_status_t pal__poller_wait(pal__poller_t *poller, apr_time_t deadline)
{
    int timeout = -1;
    apr_status_t rv;
    int i, n;

    poller->n_fetched = 0;
    if (deadline == PAL__AT_ONCE) {
        timeout = 0;
    }
    else if (deadline < poller->armed) {
        if (deadline <= pal__clock_now()) {
            timeout = 0;
        }
        else {
            rv = arm(poller, deadline);
            if (rv != APR_SUCCESS)
                return rv;
        }
    }
    n = epoll_wait(poller->epoll, poller->fetched, MAX_FETCHED, timeout);
    if (n < 0)
        return errno == EINTR ? APR_SUCCESS : errno;
    for (i = 0; i < n; i++) {
        if (poller->fetched[i].data.ptr == &timer_mark)
            poller->armed = PAL__NEVER;
    }
    poller->n_fetched = n;
    return APR_SUCCESS;
}

/* What to report of `got` to a watch that wants `events`. An end or an error
 * comes with all that is wanted, so that whoever reads or writes on it finds
 * out. */
static int reported(uint32_t got, int events)
{
    int ret = 0;

    if (got & (EPOLLHUP | EPOLLERR))
        return PAL_HANGUP | events;
    if (got & EPOLLIN)
        ret |= PAL_READABLE;
    if (got & EPOLLOUT)
        ret |= PAL_WRITABLE;
    return ret & events;
}

int pal__poller_has_found(pal__poller_t *poller)
{
    return poller->n_fetched > 0;
}

static void free_closed(pal__poller_t *poller)
{
    while (poller->closed != NULL) {
        pal_watch_t *watch = poller->closed;

        poller->closed = watch->next_closed;
        free(watch);
    }
}

int pal__poller_deliver(pal__poller_t *poller)
{
    int n = 0;
    int i;

    poller->is_delivering = 1;
    for (i = 0; i < poller->n_fetched; i++) {
        void *mark = poller->fetched[i].data.ptr;
        pal_watch_t *watch = mark;
        int events;

        if (mark == &interrupt_mark || mark == &timer_mark)
            continue;
        if (watch->is_closed)
            continue;
        events = reported(poller->fetched[i].events, watch->events);
        if (events == 0)
            continue;
        watch->fn(watch->baton, events);
        n++;
    }
    poller->is_delivering = 0;
    poller->n_fetched = 0;
    free_closed(poller);
    return n;
}

void pal__poller_interrupt(pal__poller_t *poller)
{
    apr_uint64_t one = 1;
    ssize_t n = write(poller->interrupt, &one, sizeof(one));

    assert(n == sizeof(one));
    (void)n;
}

/* Readable while any of its handles is ready (epoll(7), question 4). */
apr_status_t pal__poller_handle(pal__poller_t *poller,
                                pal_handle_t *ret_handle)
{
    *ret_handle = poller->epoll;
    return APR_SUCCESS;
}

apr_status_t pal__poller_prepare(pal__poller_t *poller)
{
    (void)poller; /* the kernel looks when it is waited for */
    return APR_SUCCESS;
}

static apr_status_t control(pal_watch_t *watch, int operation, int events)
{
    struct epoll_event event;

    memset(&event, 0, sizeof(event));
    if (events & PAL_READABLE)
        event.events |= EPOLLIN;
    if (events & PAL_WRITABLE)
        event.events |= EPOLLOUT;
    /* Who wants nothing has no way to make a hang-up go away, and is told
     * once. */
    if (events == 0)
        event.events |= EPOLLET;
    event.data.ptr = watch;
    if (epoll_ctl(watch->poller->epoll, operation, watch->fd, &event) != 0)
        return errno;
    return APR_SUCCESS;
}

apr_status_t pal_watch_create(pal_watch_t **ret_watch, pal_loop_t *loop,
                              pal_handle_t handle, int events,
                              pal_watch_fn_t fn, void *baton)
{
    pal_watch_t *watch;
    apr_status_t rv;

    if (handle < 0 || handle > INT_MAX)
        return APR_EBADF;
    watch = calloc(1, sizeof(*watch));
    if (watch == NULL)
        return APR_ENOMEM;
    watch->poller = pal__loop_poller(loop);
    watch->fd = (int)handle;
    watch->events = events & (PAL_READABLE | PAL_WRITABLE);
    watch->fn = fn;
    watch->baton = baton;
    rv = control(watch, EPOLL_CTL_ADD, watch->events);
    if (rv != APR_SUCCESS) {
        free(watch);
        return rv;
    }
    *ret_watch = watch;
    return APR_SUCCESS;
}

apr_status_t pal_watch_set(pal_watch_t *watch, int events)
{
    apr_status_t rv;

    events &= PAL_READABLE | PAL_WRITABLE;
    if (events == watch->events)
        return APR_SUCCESS;
    rv = control(watch, EPOLL_CTL_MOD, events);
    if (rv == APR_SUCCESS)
        watch->events = events;
    return rv;
}

void pal_watch_close(pal_watch_t **watch)
{
    pal_watch_t *closing = *watch;
    pal__poller_t *poller;
    int rc;

    if (closing == NULL)
        return;
    poller = closing->poller;
    /* Fails only if the handle was closed first. Then a copy of it elsewhere
     * may keep the registration alive, with the address of freed memory. */
    rc = epoll_ctl(poller->epoll, EPOLL_CTL_DEL, closing->fd, NULL);
    assert(rc == 0);
    (void)rc;
    if (poller->is_delivering) {
        closing->is_closed = 1;
        closing->next_closed = poller->closed;
        poller->closed = closing;
    }
    else {
        free(closing);
    }
    *watch = NULL;
}
