#include "config.h"

#include <pal/listener.h>

#include "../pal_private.h"
#include "message_unix.h"
#include "peer_unix.h"
#include "place_unix.h"

#include <pal/status.h>

#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define FIRST_RETRY 1000 /* us; doubled each time */
#define LAST_RETRY 50000

/* How long a call on `fd` may wait; 0: for ever. */
static int limit_wait(int fd, apr_interval_time_t timeout)
{
    struct timeval limit;

    limit.tv_sec = (time_t)(timeout / APR_USEC_PER_SEC);
    limit.tv_usec = (suseconds_t)(timeout % APR_USEC_PER_SEC);
    return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

static int set_blocking(int fd, int on)
{
    return fcntl(fd, F_SETFL, on ? 0 : O_NONBLOCK);
}

/* Linux lets a connect wait for room as long as a send may. What was set for
 * it is taken back: the socket may go to other programs. Returns an errno
 * value. */
static int connect_within(int fd, const struct sockaddr_un *address,
                          apr_interval_time_t timeout)
{
    if (timeout == 0 && set_blocking(fd, 0) != 0)
        return errno;
    if (timeout > 0 && limit_wait(fd, timeout) != 0)
        return errno;
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0)
        return errno;
    if (timeout == 0 && set_blocking(fd, 1) != 0)
        return errno;
    if (timeout > 0 && limit_wait(fd, 0) != 0)
        return errno;
    return 0;
}

static int attempt(int type, const struct sockaddr_un *address,
                   apr_interval_time_t timeout, int *ret_fd)
{
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    int err;

    if (fd < 0)
        return errno;
    err = connect_within(fd, address, timeout);
    if (err != 0)
        (void)close(fd);
    else
        *ret_fd = fd;
    return err;
}

/* A channel may be of either type, as the other side was configured. */
static int attempt_kind(pal_listen_kind_t kind,
                        const struct sockaddr_un *address,
                        apr_interval_time_t timeout, int *ret_fd)
{
    int other =
        PAL__CHANNEL_TYPE == SOCK_STREAM ? SOCK_SEQPACKET : SOCK_STREAM;
    int err;

    if (kind == PAL_LISTEN_STREAM)
        return attempt(SOCK_STREAM, address, timeout, ret_fd);
    err = attempt(PAL__CHANNEL_TYPE, address, timeout, ret_fd);
    return err == EPROTOTYPE ? attempt(other, address, timeout, ret_fd) : err;
}

/* The system says of what is no socket that it refuses connections. */
static int is_socket(const char *path)
{
    struct stat st;

    return stat(path, &st) != 0 || S_ISSOCK(st.st_mode);
}

static apr_status_t status_of(int err, const struct sockaddr_un *address)
{
    switch (err) {
    case EAGAIN: /* no room within the time */
        return APR_TIMEUP;
    case EPROTOTYPE:
    case EPROTONOSUPPORT:
    case ESOCKTNOSUPPORT:
        return PAL_E_KIND;
    case ECONNREFUSED:
        return is_socket(address->sun_path) ? err : PAL_E_KIND;
    default:
        return err;
    }
}

static apr_status_t connect_to(pal_listen_kind_t kind,
                               const struct sockaddr_un *address,
                               apr_interval_time_t timeout, int *ret_fd)
{
    apr_time_t start = pal__clock_now();
    apr_interval_time_t left = timeout;
    int err;

    for (;;) {
        err = attempt_kind(kind, address, left, ret_fd);
        if (err != EINTR)
            return status_of(err, address);
        if (timeout > 0) {
            left = timeout - (pal__clock_now() - start);
            if (left <= 0)
                return APR_TIMEUP;
        }
    }
}

apr_status_t pal_connect(pal_handle_t *ret_end, pal_listen_kind_t kind,
                         const char *path, apr_interval_time_t timeout,
                         pal_peer_t *ret_peer)
{
    struct sockaddr_un address;
    pal__place_t place;
    apr_status_t rv = pal__place_open(&place, path);
    int fd;

    if (rv != APR_SUCCESS)
        return rv;
    rv = pal__place_address(&place, place.name, &address);
    if (rv == APR_SUCCESS)
        rv = connect_to(kind, &address, timeout, &fd);
    pal__place_close(&place);
    if (rv != APR_SUCCESS)
        return rv;
    if (ret_peer != NULL)
        pal__peer_get(fd, ret_peer);
    *ret_end = fd;
    return APR_SUCCESS;
}

/* ---- on a loop ---- */

/* No event tells when there is room: it is tried again and again. */
struct pal_connector_t {
    pal_listen_kind_t kind;
    char *path;
    apr_time_t deadline;
    apr_interval_time_t retry;
    pal_timer_t *timer;
    pal_connect_fn_t fn;
    void *baton;
};

static void on_time(void *baton)
{
    pal_connector_t *connector = baton;
    pal_handle_t end = PAL_HANDLE_NONE;
    pal_peer_t peer = {-1, -1, -1};
    apr_interval_time_t left = connector->deadline - pal__clock_now();
    apr_status_t rv =
        pal_connect(&end, connector->kind, connector->path, 0, &peer);

    if (APR_STATUS_IS_TIMEUP(rv) && left > 0) {
        (void)pal_timer_start(connector->timer, left < connector->retry
                                                    ? left
                                                    : connector->retry);
        if (connector->retry < LAST_RETRY)
            connector->retry *= 2;
        return;
    }
    connector->fn(connector->baton, rv, &end, &peer); /* may close it */
    pal_handle_close(&end);
}

apr_status_t pal_connector_open(pal_connector_t **ret_connector,
                                pal_listen_kind_t kind, const char *path,
                                pal_loop_t *loop, apr_interval_time_t timeout,
                                pal_connect_fn_t fn, void *baton)
{
    pal_connector_t *connector = calloc(1, sizeof(*connector));
    apr_status_t rv;

    if (connector == NULL)
        return APR_ENOMEM;
    connector->kind = kind;
    connector->path = strdup(path);
    connector->deadline = timeout < 0 || timeout > PAL__NEVER / 2
                              ? PAL__NEVER
                              : pal__clock_now() + timeout;
    connector->retry = FIRST_RETRY;
    connector->fn = fn;
    connector->baton = baton;
    rv = connector->path == NULL
             ? APR_ENOMEM
             : pal_timer_create(&connector->timer, loop, on_time, connector);
    if (rv != APR_SUCCESS) {
        free(connector->path);
        free(connector);
        return rv;
    }
    (void)pal_timer_start(connector->timer, 0);
    *ret_connector = connector;
    return APR_SUCCESS;
}

void pal_connector_close(pal_connector_t **connector)
{
    pal_connector_t *closing = *connector;

    if (closing == NULL)
        return;
    pal_timer_close(&closing->timer);
    free(closing->path);
    free(closing);
    *connector = NULL;
}
