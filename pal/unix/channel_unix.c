#include "config.h"

#include <pal/channel.h>
#include <pal/status.h>

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_PARTS 8

/* A socket with SO_PASSPIDFD gets a descriptor of the sender's process with
 * each packet. We never ask for it, but who made the socket may have. */
#ifndef SCM_PIDFD
#    define SCM_PIDFD 4
#endif

struct pal_channel_t {
    int fd;
    int was_reset; /* reported when all packets are received */
    pal_watch_t *watch;
};

/* Room for the control data of exactly the permitted handles: of more, the
 * kernel installs those that fit and says MSG_CTRUNC. */
typedef union control_t {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(PAL_CHANNEL_MAX_HANDLES * sizeof(int))];
} control_t;

/* Descriptors taken out of a packet. */
typedef struct received_t {
    int fds[PAL_CHANNEL_MAX_HANDLES];
    int n;
    int is_short; /* some were lost */
} received_t;

/* The descriptor, or -1, which every system call refuses with EBADF. */
static int fd_of(pal_handle_t handle)
{
    return handle >= 0 && handle <= INT_MAX ? (int)handle : -1;
}

apr_status_t pal_channel_pair(pal_handle_t ret_ends[2])
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return errno;
    ret_ends[0] = ends[0];
    ret_ends[1] = ends[1];
    return APR_SUCCESS;
}

static apr_status_t check_option(int fd, int option, int wanted)
{
    int value = 0;
    socklen_t len = sizeof(value);

    if (getsockopt(fd, SOL_SOCKET, option, &value, &len) != 0)
        return errno == ENOTSOCK ? PAL_E_KIND : errno;
    return value == wanted ? APR_SUCCESS : PAL_E_KIND;
}

apr_status_t pal_channel_open(pal_channel_t **ret_channel, pal_handle_t *end)
{
    int fd = fd_of(*end);
    pal_channel_t *channel;
    apr_status_t rv;

    rv = check_option(fd, SO_DOMAIN, AF_UNIX);
    if (rv == APR_SUCCESS)
        rv = check_option(fd, SO_TYPE, SOCK_SEQPACKET);
    if (rv != APR_SUCCESS)
        return rv;
    channel = calloc(1, sizeof(*channel));
    if (channel == NULL)
        return APR_ENOMEM;
    channel->fd = fd;
    *end = PAL_HANDLE_NONE;
    *ret_channel = channel;
    return APR_SUCCESS;
}

void pal_channel_close(pal_channel_t **channel)
{
    pal_channel_t *closing = *channel;

    if (closing == NULL)
        return;
    pal_watch_close(&closing->watch);
    (void)close(closing->fd);
    free(closing);
    *channel = NULL;
}

/* Nobody sees whether the descriptors of a pair are set non-blocking: the
 * setting belongs to the open socket, and a process that it was passed to can
 * change it. So each call says for itself that it must not wait. */
static apr_status_t send_message(int fd, const struct msghdr *message)
{
    ssize_t n;

    do {
        n = sendmsg(fd, message, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n >= 0)
        return APR_SUCCESS;
    switch (errno) {
    case EAGAIN:
    case ENOBUFS: /* no memory for a packet this large just now */
        return APR_EAGAIN;
    case EMSGSIZE:
        return PAL_E_TRUNCATED;
    case ETOOMANYREFS:
        return PAL_E_IN_FLIGHT;
    default:
        return errno;
    }
}

apr_status_t pal_channel_send(pal_channel_t *channel, const pal_bytes_t *parts,
                              int n_parts, const pal_handle_t *handles,
                              int n_handles)
{
    struct iovec vectors[MAX_PARTS];
    struct msghdr message;
    control_t control;
    int fds[PAL_CHANNEL_MAX_HANDLES];
    int is_empty = 1;
    int i;

    if (n_parts < 1 || n_parts > MAX_PARTS || n_handles < 0
        || n_handles > PAL_CHANNEL_MAX_HANDLES)
        return APR_EINVAL;
    for (i = 0; i < n_parts; i++) {
        vectors[i].iov_base = (void *)parts[i].data;
        vectors[i].iov_len = parts[i].len;
        if (parts[i].len > 0)
            is_empty = 0;
    }
    /* To the receiver an empty packet would look like the end. */
    if (is_empty)
        return APR_EINVAL;
    memset(&message, 0, sizeof(message));
    message.msg_iov = vectors;
    message.msg_iovlen = (size_t)n_parts;
    if (n_handles > 0) {
        apr_size_t len = (apr_size_t)n_handles * sizeof(int);

        for (i = 0; i < n_handles; i++)
            fds[i] = fd_of(handles[i]);
        memset(&control, 0, CMSG_SPACE(len));
        control.align.cmsg_level = SOL_SOCKET;
        control.align.cmsg_type = SCM_RIGHTS;
        control.align.cmsg_len = CMSG_LEN(len);
        memcpy(CMSG_DATA(&control.align), fds, len);
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(len);
    }
    return send_message(channel->fd, &message);
}

static void close_all(received_t *received)
{
    while (received->n > 0)
        (void)close(received->fds[--received->n]);
}

/* Take all descriptors out of the control data, whatever its shape: what is
 * overlooked here leaks. */
static void take_descriptors(struct msghdr *message, received_t *received)
{
    struct cmsghdr *header;

    received->n = 0;
    received->is_short = (message->msg_flags & MSG_CTRUNC) != 0;
    for (header = CMSG_FIRSTHDR(message); header != NULL;
         header = CMSG_NXTHDR(message, header)) {
        const unsigned char *data = CMSG_DATA(header);
        apr_size_t left = header->cmsg_len - CMSG_LEN(0);
        int fd;

        if (header->cmsg_level != SOL_SOCKET)
            continue;
        if (header->cmsg_type != SCM_RIGHTS && header->cmsg_type != SCM_PIDFD)
            continue;
        for (; left >= sizeof(fd); left -= sizeof(fd), data += sizeof(fd)) {
            memcpy(&fd, data, sizeof(fd));
            if (header->cmsg_type == SCM_PIDFD) {
                if (fd >= 0)
                    (void)close(fd);
            }
            else {
                assert(received->n < PAL_CHANNEL_MAX_HANDLES);
                received->fds[received->n++] = fd;
            }
        }
    }
}

/* One recvmsg, repeated if a signal came, or the news that the other end is
 * gone and left something unread: the kernel tells that once, before the
 * packets that are still to be received. */
static apr_status_t receive_message(pal_channel_t *channel,
                                    struct msghdr *message, apr_size_t *ret_n)
{
    apr_size_t room = message->msg_controllen;
    ssize_t n;

    for (;;) {
        message->msg_controllen = room;
        n = recvmsg(channel->fd, message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n >= 0)
            break;
        if (errno == ECONNRESET && !channel->was_reset)
            channel->was_reset = 1;
        else if (errno != EINTR)
            return errno == EAGAIN ? APR_EAGAIN : errno;
    }
    *ret_n = (apr_size_t)n;
    return APR_SUCCESS;
}

apr_status_t pal_channel_recv(pal_channel_t *channel, void *buf,
                              apr_size_t len, apr_size_t *ret_len,
                              pal_handle_t *handles, int *ret_n_handles)
{
    struct iovec vector;
    struct msghdr message;
    control_t control;
    received_t received;
    apr_size_t n = 0;
    apr_status_t rv;
    int i;

    vector.iov_base = buf;
    vector.iov_len = len;
    memset(&message, 0, sizeof(message));
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = &control;
    message.msg_controllen = sizeof(control);
    rv = receive_message(channel, &message, &n);
    if (rv != APR_SUCCESS)
        return rv;
    take_descriptors(&message, &received);
    if (message.msg_flags & MSG_TRUNC)
        rv = PAL_E_TRUNCATED;
    else if (n == 0)
        rv = channel->was_reset ? APR_ECONNRESET : APR_EOF;
    else if (received.is_short)
        rv = PAL_E_HANDLES_LOST;
    if (rv != APR_SUCCESS)
        close_all(&received);
    if (rv != APR_SUCCESS && rv != PAL_E_HANDLES_LOST)
        return rv;
    for (i = 0; i < received.n; i++)
        handles[i] = received.fds[i];
    *ret_len = n;
    *ret_n_handles = received.n;
    return rv;
}

apr_status_t pal_channel_shutdown(pal_channel_t *channel)
{
    return shutdown(channel->fd, SHUT_WR) == 0 ? APR_SUCCESS : errno;
}

apr_status_t pal_channel_watch(pal_channel_t *channel, pal_loop_t *loop,
                               int events, pal_watch_fn_t fn, void *baton)
{
    if (channel->watch != NULL)
        return APR_EEXIST;
    return pal_watch_create(&channel->watch, loop, channel->fd, events, fn,
                            baton);
}

apr_status_t pal_channel_want(pal_channel_t *channel, int events)
{
    if (channel->watch == NULL)
        return APR_EINVAL;
    return pal_watch_set(channel->watch, events);
}

void pal_channel_unwatch(pal_channel_t *channel)
{
    pal_watch_close(&channel->watch);
}
