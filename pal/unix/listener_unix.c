#include "config.h"

#include <pal/listener.h>

#include "message_unix.h"
#include "peer_unix.h"
#include "place_unix.h"

#include <pal/status.h>

#include <apr_general.h>
#include <apr_time.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_BACKLOG 128
#define PAUSE 100000   /* us without looking at clients when room is short */
#define TRIES 100      /* to lock a file that others lock, and remove */
#define LOCK_PAUSE 200 /* us until the next one */

struct pal_listener_t {
    pal_listen_kind_t kind;
    int mode;
    int backlog;
    int replaces;

    int fd; /* -1: not open */
    pal__place_t place;
    dev_t device; /* of the socket that is ours, and its number */
    ino_t inode;

    pal_watch_t *watch;
    pal_timer_t *pause;
    pal_listener_fn_t fn;
    void *baton;
};

static apr_status_t clean_up(void *baton)
{
    pal_listener_close(baton);
    return APR_SUCCESS;
}

apr_status_t pal_listener_create(pal_listener_t **ret_listener,
                                 pal_listen_kind_t kind, apr_pool_t *pool)
{
    pal_listener_t *listener = apr_palloc(pool, sizeof(*listener));

    if (listener == NULL)
        return APR_ENOMEM;
    memset(listener, 0, sizeof(*listener));
    listener->kind = kind;
    listener->mode = 0600;
    listener->backlog = DEFAULT_BACKLOG;
    listener->fd = -1;
    apr_pool_cleanup_register(pool, listener, clean_up, apr_pool_cleanup_null);
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
    (void)listener;
    (void)sddl;
    return APR_ENOTIMPL;
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
    listener->replaces = on;
}

/* ---- the path ---- */

/* A name that nobody can guess, and so nobody occupies. */
#define TEMPORARY_LEN 22

static apr_status_t make_name(char name[TEMPORARY_LEN])
{
    unsigned char random[8];
    int i, n = snprintf(name, TEMPORARY_LEN, ".pal-");
    apr_status_t rv = apr_generate_random_bytes(random, sizeof(random));

    for (i = 0; i < (int)sizeof(random); i++)
        n +=
            snprintf(name + n, (size_t)(TEMPORARY_LEN - n), "%02x", random[i]);
    return rv;
}

/* What is at `name`? APR_SUCCESS: a socket. A link is not followed. */
static apr_status_t check_socket(const pal__place_t *place, const char *name)
{
    struct stat st;

    if (fstatat(place->folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno;
    return S_ISSOCK(st.st_mode) ? APR_SUCCESS : PAL_E_KIND;
}

/* Has this socket nobody any more? Asked by connecting one of another type,
 * which the owner does not notice. Who may not ask is not told. */
static int is_dead(const pal__place_t *place, const char *name)
{
    struct sockaddr_un address;
    int fd, ret;

    if (pal__place_address(place, name, &address) != APR_SUCCESS)
        return 0;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    ret = connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0
          && errno == ECONNREFUSED;
    (void)close(fd);
    return ret;
}

/* ---- taking a path that is occupied ---- */

/* Whoever removes or replaces what is at a path holds a lock, a file beside
 * it: or else a listener found dead could be another one by the time that it
 * is removed. The lock is of the open file, so it ends with its holder. */
typedef struct lock_t {
    char name[NAME_MAX + 1];
    int fd;
} lock_t;

static void release(const pal__place_t *place, lock_t *lock)
{
    (void)unlinkat(place->folder, lock->name, 0); /* still ours to remove */
    (void)close(lock->fd);
}

/* Is the file of the lock still the one at its name? */
static int is_current(const pal__place_t *place, const lock_t *lock)
{
    struct stat held, there;

    return fstat(lock->fd, &held) == 0
           && fstatat(place->folder, lock->name, &there, AT_SYMLINK_NOFOLLOW)
                  == 0
           && held.st_dev == there.st_dev && held.st_ino == there.st_ino;
}

/* Errors: APR_EEXIST: somebody else has it, and keeps it. */
static apr_status_t acquire(const pal__place_t *place, lock_t *lock)
{
    int i, n;

    n = snprintf(lock->name, sizeof(lock->name), ".%s.lock", place->name);
    if (n < 0 || n >= (int)sizeof(lock->name))
        return PAL_E_LIMIT;
    for (i = 0; i < TRIES; i++) {
        apr_status_t rv = APR_EEXIST;

        lock->fd = openat(
            place->folder, lock->name,
            O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
        if (lock->fd < 0)
            return errno;
        if (flock(lock->fd, LOCK_EX | LOCK_NB) != 0)
            rv = errno;
        else if (is_current(place, lock))
            return APR_SUCCESS;
        (void)close(lock->fd);
        if (rv != APR_EEXIST && rv != EWOULDBLOCK)
            return rv;
        if (rv == EWOULDBLOCK)
            apr_sleep(LOCK_PAUSE);
    }
    return APR_EEXIST;
}

/* With the lock: remove the socket at the path if it is dead. */
static apr_status_t remove_dead(const pal__place_t *place)
{
    apr_status_t rv = check_socket(place, place->name);

    if (rv == APR_SUCCESS && !is_dead(place, place->name))
        rv = APR_EEXIST;
    if (rv == APR_SUCCESS && unlinkat(place->folder, place->name, 0) != 0)
        rv = errno;
    return APR_STATUS_IS_ENOENT(rv) ? APR_SUCCESS : rv;
}

/* With the lock: put our socket in the place of whatever socket is there. */
static apr_status_t replace(const pal__place_t *place, const char *temporary)
{
    apr_status_t rv = check_socket(place, place->name);

    if (rv != APR_SUCCESS && !APR_STATUS_IS_ENOENT(rv))
        return rv;
    return renameat(place->folder, temporary, place->folder, place->name) == 0
               ? APR_SUCCESS
               : errno;
}

/* Give our socket, at `temporary`, its name if the name is free: of several
 * that try one succeeds. */
static apr_status_t link_at(const pal__place_t *place, const char *temporary)
{
    if (linkat(place->folder, temporary, place->folder, place->name, 0) != 0)
        return errno;
    (void)unlinkat(place->folder, temporary, 0);
    return APR_SUCCESS;
}

static apr_status_t claim(pal_listener_t *listener, const pal__place_t *place,
                          const char *temporary)
{
    lock_t lock;
    apr_status_t rv = link_at(place, temporary);

    if (!APR_STATUS_IS_EEXIST(rv))
        return rv;
    rv = acquire(place, &lock);
    if (rv != APR_SUCCESS)
        return rv;
    if (listener->replaces)
        rv = replace(place, temporary);
    else
        rv = remove_dead(place);
    if (rv == APR_SUCCESS && !listener->replaces)
        rv = link_at(place, temporary);
    release(place, &lock);
    return rv;
}

/* Bind `fd`, listen, and only then give it its name. */
static apr_status_t establish(pal_listener_t *listener, int fd,
                              const pal__place_t *place)
{
    char temporary[TEMPORARY_LEN];
    struct sockaddr_un address;
    struct stat st;
    apr_status_t rv = make_name(temporary);

    if (rv == APR_SUCCESS)
        rv = pal__place_address(place, temporary, &address);
    if (rv == APR_SUCCESS
        && bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        rv = errno;
    if (rv != APR_SUCCESS)
        return rv;
    if (fchmodat(place->folder, temporary, (mode_t)listener->mode, 0) != 0
        || fstatat(place->folder, temporary, &st, AT_SYMLINK_NOFOLLOW) != 0
        || listen(fd, listener->backlog) != 0)
        rv = errno;
    if (rv == APR_SUCCESS)
        rv = claim(listener, place, temporary);
    if (rv != APR_SUCCESS) {
        (void)unlinkat(place->folder, temporary, 0);
        return rv;
    }
    listener->device = st.st_dev;
    listener->inode = st.st_ino;
    return APR_SUCCESS;
}

apr_status_t pal_listener_open(pal_listener_t *listener, const char *path)
{
    int type =
        listener->kind == PAL_LISTEN_STREAM ? SOCK_STREAM : PAL__CHANNEL_TYPE;
    pal__place_t place;
    apr_status_t rv;
    int fd;

    if (listener->fd >= 0)
        return PAL_E_STARTED;
    rv = pal__place_open(&place, path);
    if (rv != APR_SUCCESS)
        return rv;
    fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    rv = fd < 0 ? errno : establish(listener, fd, &place);
    if (rv != APR_SUCCESS) {
        if (fd >= 0)
            (void)close(fd);
        pal__place_close(&place);
        return rv;
    }
    listener->fd = fd;
    listener->place = place;
    return APR_SUCCESS;
}

/* ---- clients ---- */

static void on_client(void *baton, int events)
{
    pal_listener_t *listener = baton;

    (void)events;
    listener->fn(listener->baton, listener); /* may close it */
}

static void on_pause_end(void *baton)
{
    pal_listener_t *listener = baton;

    (void)pal_watch_set(listener->watch, PAL_READABLE);
}

static void unwatch(pal_listener_t *listener)
{
    pal_watch_close(&listener->watch);
    pal_timer_close(&listener->pause);
}

apr_status_t pal_listener_watch(pal_listener_t *listener, pal_loop_t *loop,
                                pal_listener_fn_t fn, void *baton)
{
    apr_status_t rv;

    if (fn == NULL) {
        unwatch(listener);
        return APR_SUCCESS;
    }
    if (listener->fd < 0)
        return APR_EINVAL;
    if (listener->watch != NULL)
        return APR_EEXIST;
    rv = pal_timer_create(&listener->pause, loop, on_pause_end, listener);
    if (rv == APR_SUCCESS)
        rv = pal_watch_create(&listener->watch, loop, listener->fd,
                              PAL_READABLE, on_client, listener);
    if (rv != APR_SUCCESS) {
        unwatch(listener);
        return rv;
    }
    listener->fn = fn;
    listener->baton = baton;
    return APR_SUCCESS;
}

apr_status_t pal_listener_accept(pal_listener_t *listener,
                                 pal_handle_t *ret_end, pal_peer_t *ret_peer)
{
    apr_status_t rv;
    int fd;

    if (listener->fd < 0)
        return APR_EINVAL;
    do {
        fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
    } while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (fd >= 0) {
        if (ret_peer != NULL)
            pal__peer_get(fd, ret_peer);
        *ret_end = fd;
        return APR_SUCCESS;
    }
    rv = errno == ENOBUFS ? APR_ENOMEM : errno;
    if (!APR_STATUS_IS_EAGAIN(rv) && listener->watch != NULL) {
        (void)pal_watch_set(listener->watch, 0);
        (void)pal_timer_start(listener->pause, PAUSE);
    }
    return rv;
}

static int has_path(const pal_listener_t *listener)
{
    const pal__place_t *place = &listener->place;
    struct stat st;

    return fstatat(place->folder, place->name, &st, AT_SYMLINK_NOFOLLOW) == 0
           && st.st_dev == listener->device && st.st_ino == listener->inode;
}

/* Remove the path if it is ours. If no lock is to be had it is done without,
 * but not while another takes the path: what is there next is his. */
static void leave_path(const pal_listener_t *listener)
{
    const pal__place_t *place = &listener->place;
    apr_status_t rv;
    lock_t lock;

    if (!has_path(listener))
        return;
    rv = acquire(place, &lock);
    if (!APR_STATUS_IS_EEXIST(rv) && has_path(listener))
        (void)unlinkat(place->folder, place->name, 0);
    if (rv == APR_SUCCESS)
        release(place, &lock);
}

void pal_listener_close(pal_listener_t *listener)
{
    if (listener->fd < 0)
        return;
    unwatch(listener);
    leave_path(listener); /* while the number is ours: the socket is open */
    (void)close(listener->fd);
    listener->fd = -1;
    pal__place_close(&listener->place);
}
