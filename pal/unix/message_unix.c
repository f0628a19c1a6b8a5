#include "config.h"

#include "message_unix.h"

#include <pal/status.h>

#include <string.h>

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* Control data that nobody here asks for. But the option belongs to the open
 * socket, and who made it, or has a copy of it, may set it: SO_PASSCRED,
 * SO_PASSPIDFD (a descriptor of the sender's process), SO_PASSSEC. */
#ifndef SCM_PIDFD
#    define SCM_PIDFD 4
#endif
#define UNASKED_LEN 512

/* Room for what is unasked must not be taken from the descriptors; without it
 * there is room for more of them than a packet may have. */
typedef union control_t {
    struct cmsghdr align;
    char
        bytes[CMSG_SPACE(PAL_CHANNEL_MAX_HANDLES * sizeof(int)) + UNASKED_LEN];
} control_t;

apr_status_t pal__socket_type(int fd, int *ret_type)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof(address), type_len = sizeof(int);
    int type = 0;

    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0
        || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) != 0)
        return errno == ENOTSOCK ? PAL_E_KIND : errno;
    if (address.ss_family != AF_UNIX)
        return PAL_E_KIND;
    *ret_type = type;
    return APR_SUCCESS;
}

apr_status_t pal__socket_pair(int type, pal_handle_t ret_ends[2])
{
    int ends[2];

    if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) != 0)
        return errno;
    ret_ends[0] = ends[0];
    ret_ends[1] = ends[1];
    return APR_SUCCESS;
}

static void put_descriptors(struct msghdr *message, control_t *control,
                            const pal__outgoing_t *outgoing)
{
    apr_size_t len = (apr_size_t)outgoing->n_fds * sizeof(int);

    memset(control, 0, CMSG_SPACE(len));
    control->align.cmsg_level = SOL_SOCKET;
    control->align.cmsg_type = SCM_RIGHTS;
    control->align.cmsg_len = CMSG_LEN(len);
    memcpy(CMSG_DATA(&control->align), outgoing->fds, len);
    message->msg_control = control;
    message->msg_controllen = CMSG_SPACE(len);
}

/* Nobody sees whether a socket is set non-blocking: the setting belongs to
 * the open socket, and a process that it was passed to can change it. So each
 * call says for itself that it must not wait. */
static ssize_t send_once(int fd, const pal__outgoing_t *outgoing)
{
    const struct iovec *vector = outgoing->vectors;
    struct msghdr message;
    control_t control;

    /* The kernel has less to fetch: a twentieth of what a small message
     * costs. */
    if (outgoing->n_vectors == 1 && outgoing->n_fds == 0)
        return send(fd, vector->iov_base, vector->iov_len,
                    MSG_DONTWAIT | MSG_NOSIGNAL);
    memset(&message, 0, sizeof(message));
    message.msg_iov = (struct iovec *)outgoing->vectors;
    message.msg_iovlen = (size_t)outgoing->n_vectors;
    if (outgoing->n_fds > 0)
        put_descriptors(&message, &control, outgoing);
    return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

apr_status_t pal__message_send(int fd, const pal__outgoing_t *outgoing,
                               apr_size_t *ret_len)
{
    ssize_t n;

    do {
        n = send_once(fd, outgoing);
    } while (n < 0 && errno == EINTR);
    if (n >= 0) {
        *ret_len = (apr_size_t)n;
        return APR_SUCCESS;
    }
    switch (errno) {
    case ENOBUFS: /* no memory for a packet this large just now */
        return APR_ENOMEM;
    case EMSGSIZE:
        return PAL_E_TRUNCATED;
    case ETOOMANYREFS:
        return PAL_E_IN_FLIGHT;
    default:
        return errno;
    }
}

apr_status_t pal__received_take(pal__received_t *received,
                                pal_handle_t *handles, int *ret_n_handles)
{
    int i;

    for (i = 0; i < received->n_fds; i++)
        handles[i] = received->fds[i];
    *ret_n_handles = received->n_fds;
    received->n_fds = 0;
    return received->is_short ? PAL_E_HANDLES_LOST : APR_SUCCESS;
}

void pal__received_close(pal__received_t *received)
{
    while (received->n_fds > 0)
        (void)close(received->fds[--received->n_fds]);
}

static void take_descriptor(pal__received_t *received, int type, int fd)
{
    if (type == SCM_RIGHTS && received->n_fds < PAL_CHANNEL_MAX_HANDLES) {
        received->fds[received->n_fds++] = fd;
        return;
    }
    if (type == SCM_RIGHTS)
        received->is_short = 1;
    if (fd >= 0)
        (void)close(fd);
}

/* Take all descriptors out of the control data, whatever its shape: what is
 * overlooked here leaks. */
static void take_descriptors(struct msghdr *message, pal__received_t *received)
{
    struct cmsghdr *header;

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
            take_descriptor(received, header->cmsg_type, fd);
        }
    }
}

apr_status_t pal__message_recv(int fd, void *buf, apr_size_t len,
                               pal__received_t *ret_received)
{
    struct iovec vector;
    struct msghdr message;
    control_t control;
    ssize_t n;

    vector.iov_base = buf;
    vector.iov_len = len;
    memset(&message, 0, sizeof(message));
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    do {
        message.msg_control = &control;
        message.msg_controllen = sizeof(control);
        n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno;
    ret_received->len = (apr_size_t)n;
    ret_received->is_truncated = (message.msg_flags & MSG_TRUNC) != 0;
    ret_received->is_short = (message.msg_flags & MSG_CTRUNC) != 0;
    ret_received->n_fds = 0;
    take_descriptors(&message, ret_received);
    if (ret_received->is_short)
        pal__received_close(ret_received);
    return APR_SUCCESS;
}
