/* The poller where there is no epoll, or with --disable-linux-native: an
 * apr_pollset, and a pipe for interrupts.
 *
 * The set is not told to copy: it then finds what to remove at once and not by
 * a search, and reports by the address of our entry. What it wants for a
 * handle is an apr_file_t from a pool, which never gives anything back. So an
 * entry is made once for each number of a handle and kept, in a table by
 * number; who is called follows from the table, and an event that was fetched
 * for a watch that is no more finds none, or one made since.
 *
 * Own interrupts, because those of the set (APR_POLLSET_WAKEABLE) leak into
 * children that are started meanwhile, and block when nobody reads them. */
#include "config.h"

#include "../pal_compiler.h"
#include "../pal_private.h"
#include "lookout_unix.h"

#include <pal/loop.h>

#include <apr_poll.h>
#include <apr_portable.h>

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* The tests compile this file for the other method that a Linux has, too. */
#ifndef PAL__POLLSET_METHOD
#    define PAL__POLLSET_METHOD APR_POLLSET_DEFAULT
#endif

#define FIRST_ROOM 128

/* The longest wait at a time. It is passed to the system in milliseconds, as
 * an int. */
#define LONGEST_WAIT (60 * 60 * APR_USEC_PER_SEC)

typedef struct entry_t {
    apr_pollfd_t poll; /* what the set has, by address */
    int is_in_set;
    pal_watch_t *watch; /* NULL: none now */
} entry_t;

typedef struct fetched_t {
    entry_t *entry;
    int events;
} fetched_t;

struct pal_watch_t {
    pal__poller_t *poller;
    entry_t *entry;
    int events; /* wanted */
    pal_watch_fn_t fn;
    void *baton;
    apr_uint64_t n_waits; /* before it was made */
};

struct pal__poller_t {
    apr_pool_t *pool; /* of its own: for the set and the entries */
    apr_pollset_t *set;
    apr_uint32_t room; /* that the set was made with */
    entry_t **entries; /* by number of the handle */
    apr_size_t n_entries;
    int interrupts[2]; /* pipe */
    apr_pollfd_t interrupt;
    pal__flag_t is_interrupted; /* there is a byte in the pipe */
    int was_interrupted;        /* the last wait */
    apr_uint64_t n_waits;
    fetched_t *fetched; /* as many as there is room in the set */
    int n_fetched;
    pal__lookout_t *lookout; /* for a foreign loop; NULL: not asked for */
};

static int describe(apr_pollfd_t *poll, int fd, void *baton, apr_pool_t *pool)
{
    apr_os_file_t os = fd;

    memset(poll, 0, sizeof(*poll));
    poll->p = pool;
    poll->desc_type = APR_POLL_FILE;
    poll->client_data = baton;
    return apr_os_file_put(&poll->desc.f, &os, 0, pool);
}

/* A set with room for `room` handles and all that are watched in it. Some
 * ways of waiting take no more than they have room for. */
static apr_status_t make_set(pal__poller_t *poller, apr_uint32_t room)
{
    fetched_t *fetched = calloc(room, sizeof(*fetched));
    apr_pollset_t *set = NULL;
    apr_status_t rv;
    apr_size_t i;

    if (fetched == NULL)
        return APR_ENOMEM;
    rv = apr_pollset_create_ex(&set, room, poller->pool, APR_POLLSET_NOCOPY,
                               PAL__POLLSET_METHOD);
    if (rv == APR_SUCCESS)
        rv = apr_pollset_add(set, &poller->interrupt);
    for (i = 0; i < poller->n_entries && rv == APR_SUCCESS; i++) {
        if (poller->entries[i] != NULL && poller->entries[i]->is_in_set)
            rv = apr_pollset_add(set, &poller->entries[i]->poll);
    }
    if (rv != APR_SUCCESS) {
        if (set != NULL)
            (void)apr_pollset_destroy(set);
        free(fetched);
        return rv;
    }
    if (poller->set != NULL)
        (void)apr_pollset_destroy(poller->set);
    /* Events may just be being delivered. */
    if (poller->n_fetched > 0)
        memcpy(fetched, poller->fetched,
               (apr_size_t)poller->n_fetched * sizeof(*fetched));
    free(poller->fetched);
    poller->fetched = fetched;
    poller->set = set;
    poller->room = room;
    return APR_SUCCESS;
}

apr_status_t pal__poller_create(pal__poller_t **ret_poller, apr_pool_t *pool)
{
    pal__poller_t *poller = apr_palloc(pool, sizeof(*poller));
    apr_status_t rv;

    if (poller == NULL)
        return APR_ENOMEM;
    memset(poller, 0, sizeof(*poller));
    /* No child of `pool`, which would be gone before the poller is. */
    rv = apr_pool_create_unmanaged_ex(&poller->pool, NULL, NULL);
    if (rv != APR_SUCCESS)
        return rv;
    if (pipe2(poller->interrupts, O_CLOEXEC | O_NONBLOCK) != 0) {
        rv = errno;
        apr_pool_destroy(poller->pool);
        return rv;
    }
    rv = describe(&poller->interrupt, poller->interrupts[0], NULL,
                  poller->pool);
    poller->interrupt.reqevents = APR_POLLIN;
    if (rv == APR_SUCCESS)
        rv = make_set(poller, FIRST_ROOM);
    if (rv != APR_SUCCESS) {
        pal__poller_destroy(poller);
        return rv;
    }
    *ret_poller = poller;
    return APR_SUCCESS;
}

void pal__poller_destroy(pal__poller_t *poller)
{
    pal__lookout_destroy(&poller->lookout);
    if (poller->set != NULL)
        (void)apr_pollset_destroy(poller->set);
    (void)close(poller->interrupts[0]);
    (void)close(poller->interrupts[1]);
    free(poller->entries);
    free(poller->fetched);
    apr_pool_destroy(poller->pool);
}

/* Milliseconds are all that most systems have: rounded up, or the loop would
 * turn and turn until the deadline. */
static apr_interval_time_t timeout_until(apr_time_t deadline)
{
    apr_interval_time_t left;

    if (deadline == PAL__NEVER)
        return -1;
    if (deadline == PAL__AT_ONCE)
        return 0;
    left = deadline - pal__clock_now();
    if (left <= 0)
        return 0;
    if (left > LONGEST_WAIT)
        return LONGEST_WAIT;
    return (left + 999) / 1000 * 1000;
}

/* Read first: who interrupts in between finds the flag still set and writes
 * nothing, and need not, for this wait comes back. */
static void take_interrupt(pal__poller_t *poller)
{
    char byte;

    (void)!read(poller->interrupts[0], &byte, 1);
    (void)pal__flag_set(&poller->is_interrupted, 0);
    poller->was_interrupted = 1;
}

/* An end or an error comes with all that is wanted, so that whoever reads or
 * writes on it finds out. */
static int events_of(apr_int16_t got)
{
    int ret = 0;

    if (got & (APR_POLLHUP | APR_POLLERR | APR_POLLNVAL))
        return PAL_HANGUP | PAL_READABLE | PAL_WRITABLE;
    if (got & APR_POLLIN)
        ret |= PAL_READABLE;
    if (got & APR_POLLOUT)
        ret |= PAL_WRITABLE;
    return ret;
}

apr_status_t pal__poller_wait(pal__poller_t *poller, apr_time_t deadline)
{
    const apr_pollfd_t *found = NULL;
    apr_int32_t i, n = 0;
    apr_status_t rv;

    if (poller->lookout != NULL)
        pal__lookout_stop(poller->lookout);
    poller->n_fetched = 0;
    poller->was_interrupted = 0;
    poller->n_waits++;
    rv = apr_pollset_poll(poller->set, timeout_until(deadline), &n, &found);
    if (APR_STATUS_IS_TIMEUP(rv) || APR_STATUS_IS_EINTR(rv))
        return APR_SUCCESS;
    if (rv != APR_SUCCESS)
        return rv;
    for (i = 0; i < n; i++) {
        fetched_t *fetched = &poller->fetched[poller->n_fetched];

        if (found[i].client_data == NULL) {
            take_interrupt(poller);
            continue;
        }
        fetched->entry = found[i].client_data;
        fetched->events = events_of(found[i].rtnevents);
        poller->n_fetched++;
    }
    return APR_SUCCESS;
}

int pal__poller_has_found(pal__poller_t *poller)
{
    return poller->n_fetched > 0 || poller->was_interrupted;
}

static apr_status_t add(pal__poller_t *poller, entry_t *entry, int events)
{
    apr_status_t rv;

    entry->poll.reqevents = 0;
    if (events & PAL_READABLE)
        entry->poll.reqevents |= APR_POLLIN;
    if (events & PAL_WRITABLE)
        entry->poll.reqevents |= APR_POLLOUT;
    rv = apr_pollset_add(poller->set, &entry->poll);
    if (APR_STATUS_IS_ENOMEM(rv) && poller->room <= APR_INT32_MAX / 2) {
        rv = make_set(poller, poller->room * 2);
        if (rv == APR_SUCCESS)
            rv = apr_pollset_add(poller->set, &entry->poll);
    }
    entry->is_in_set = rv == APR_SUCCESS;
    return rv;
}

/* Fails only if the handle was closed first, which is a bug of the caller. */
static void take_out(pal__poller_t *poller, entry_t *entry)
{
    apr_status_t rv;

    if (!entry->is_in_set)
        return;
    rv = apr_pollset_remove(poller->set, &entry->poll);
    assert(rv == APR_SUCCESS);
    (void)rv;
    entry->is_in_set = 0;
}

int pal__poller_deliver(pal__poller_t *poller)
{
    int n = 0;
    int i;

    for (i = 0; i < poller->n_fetched; i++) {
        entry_t *entry = poller->fetched[i].entry;
        pal_watch_t *watch = entry->watch;
        int events;

        if (watch == NULL || watch->n_waits == poller->n_waits)
            continue;
        events = poller->fetched[i].events & (watch->events | PAL_HANGUP);
        if (events == 0)
            continue;
        /* Who wants nothing has no way to make a hang-up go away, and is told
         * once. */
        if (watch->events == 0)
            take_out(poller, entry);
        watch->fn(watch->baton, events);
        n++;
    }
    poller->n_fetched = 0;
    return n;
}

void pal__poller_interrupt(pal__poller_t *poller)
{
    ssize_t n;

    if (pal__flag_set(&poller->is_interrupted, 1))
        return;
    n = write(poller->interrupts[1], "", 1);
    assert(n == 1);
    (void)n;
}

apr_status_t pal__poller_handle(pal__poller_t *poller,
                                pal_handle_t *ret_handle)
{
    apr_status_t rv = APR_SUCCESS;

    if (poller->lookout == NULL)
        rv = pal__lookout_create(&poller->lookout);
    if (rv == APR_SUCCESS)
        *ret_handle = pal__lookout_fd(poller->lookout);
    return rv;
}

/* A set cannot be waited for by others, nor while it is changed. */
apr_status_t pal__poller_prepare(pal__poller_t *poller)
{
    struct pollfd *fds;
    apr_size_t i, n = 0;

    if (poller->lookout == NULL)
        return APR_SUCCESS;
    pal__lookout_stop(poller->lookout);
    fds = pal__lookout_room(poller->lookout, poller->n_entries + 1);
    if (fds == NULL)
        return APR_ENOMEM;
    fds[n].fd = poller->interrupts[0];
    fds[n++].events = POLLIN;
    for (i = 0; i < poller->n_entries; i++) {
        const entry_t *entry = poller->entries[i];

        if (entry == NULL || !entry->is_in_set)
            continue;
        fds[n].fd = (int)i;
        fds[n].events = 0;
        if (entry->poll.reqevents & APR_POLLIN)
            fds[n].events |= POLLIN;
        if (entry->poll.reqevents & APR_POLLOUT)
            fds[n].events |= POLLOUT;
        n++;
    }
    pal__lookout_start(poller->lookout, n);
    return APR_SUCCESS;
}

/* What some ways of waiting find out only when they wait. */
static apr_status_t check_handle(int fd)
{
    struct stat info;

    if (fstat(fd, &info) != 0)
        return errno;
    return S_ISREG(info.st_mode) || S_ISDIR(info.st_mode) ? EPERM
                                                          : APR_SUCCESS;
}

static apr_status_t find_entry(pal__poller_t *poller, int fd,
                               entry_t **ret_entry)
{
    apr_size_t n = poller->n_entries == 0 ? 64 : poller->n_entries;
    entry_t **entries, *entry;
    apr_status_t rv;

    while (n <= (apr_size_t)fd)
        n *= 2;
    if (n > poller->n_entries) {
        entries = realloc(poller->entries, n * sizeof(entry_t *));
        if (entries == NULL)
            return APR_ENOMEM;
        memset(entries + poller->n_entries, 0,
               (n - poller->n_entries) * sizeof(entry_t *));
        poller->entries = entries;
        poller->n_entries = n;
    }
    entry = poller->entries[fd];
    if (entry == NULL) {
        entry = apr_palloc(poller->pool, sizeof(*entry));
        if (entry == NULL)
            return APR_ENOMEM;
        memset(entry, 0, sizeof(*entry));
        rv = describe(&entry->poll, fd, entry, poller->pool);
        if (rv != APR_SUCCESS)
            return rv;
        poller->entries[fd] = entry;
    }
    *ret_entry = entry;
    return APR_SUCCESS;
}

apr_status_t pal_watch_create(pal_watch_t **ret_watch, pal_loop_t *loop,
                              pal_handle_t handle, int events,
                              pal_watch_fn_t fn, void *baton)
{
    pal__poller_t *poller = pal__loop_poller(loop);
    pal_watch_t *watch;
    entry_t *entry = NULL;
    apr_status_t rv;

    if (handle < 0 || handle > INT_MAX)
        return APR_EBADF;
    rv = check_handle((int)handle);
    if (rv == APR_SUCCESS)
        rv = find_entry(poller, (int)handle, &entry);
    if (rv != APR_SUCCESS)
        return rv;
    if (entry->watch != NULL)
        return APR_EEXIST;
    watch = calloc(1, sizeof(*watch));
    if (watch == NULL)
        return APR_ENOMEM;
    watch->poller = poller;
    watch->entry = entry;
    watch->events = events & (PAL_READABLE | PAL_WRITABLE);
    watch->fn = fn;
    watch->baton = baton;
    watch->n_waits = poller->n_waits;
    rv = add(poller, entry, watch->events);
    if (rv != APR_SUCCESS) {
        free(watch);
        return rv;
    }
    entry->watch = watch;
    *ret_watch = watch;
    return APR_SUCCESS;
}

apr_status_t pal_watch_set(pal_watch_t *watch, int events)
{
    apr_status_t rv;

    events &= PAL_READABLE | PAL_WRITABLE;
    if (events == watch->events)
        return APR_SUCCESS;
    take_out(watch->poller, watch->entry);
    rv = add(watch->poller, watch->entry, events);
    if (rv == APR_SUCCESS)
        watch->events = events;
    else
        (void)add(watch->poller, watch->entry, watch->events);
    return rv;
}

void pal_watch_close(pal_watch_t **watch)
{
    pal_watch_t *closing = *watch;

    if (closing == NULL)
        return;
    take_out(closing->poller, closing->entry);
    closing->entry->watch = NULL;
    free(closing);
    *watch = NULL;
}
