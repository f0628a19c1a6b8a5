/* Bytes with descriptors through a local socket: one sendmsg, one recvmsg. */
#ifndef PAL_MESSAGE_UNIX_H
#define PAL_MESSAGE_UNIX_H

#include <pal/channel.h>

#include <sys/socket.h>
#include <sys/uio.h>

/* What sockets of ours carry packets. */
#ifdef HAVE_LINUX_NATIVE
#    define PAL__CHANNEL_TYPE SOCK_SEQPACKET
#else
#    define PAL__CHANNEL_TYPE SOCK_STREAM
#endif

/* What a call sends. */
typedef struct pal__outgoing_t {
    const struct iovec *vectors;
    int n_vectors;
    apr_size_t len; /* of all vectors */
    const int *fds;
    int n_fds; /* up to PAL_CHANNEL_MAX_HANDLES */
} pal__outgoing_t;

/* What a call received: len is 0 at the end. */
typedef struct pal__received_t {
    apr_size_t len;
    int is_truncated; /* the rest of the packet is lost */
    int fds[PAL_CHANNEL_MAX_HANDLES];
    int n_fds;
    int is_short; /* descriptors were lost: n_fds is 0 */
} pal__received_t;

/* The type of a local socket (SOCK_STREAM...).
 * Errors: APR_EBADF; PAL_E_KIND: it is no local socket. */
apr_status_t pal__socket_type(int fd, int *ret_type);

/* Two connected sockets of that type, as handles. */
apr_status_t pal__socket_pair(int type, pal_handle_t ret_ends[2]);

/* Errors: APR_EAGAIN: it is full; APR_ENOMEM, PAL_E_IN_FLIGHT: no event tells
 * when to try again; PAL_E_TRUNCATED: too large for one packet. */
apr_status_t pal__message_send(int fd, const pal__outgoing_t *outgoing,
                               apr_size_t *ret_len);

apr_status_t pal__message_recv(int fd, void *buf, apr_size_t len,
                               pal__received_t *ret_received);

/* Give the descriptors to the caller of a receive function.
 * Errors: PAL_E_HANDLES_LOST. */
apr_status_t pal__received_take(pal__received_t *received,
                                pal_handle_t *handles, int *ret_n_handles);

/* Close the descriptors that came. */
void pal__received_close(pal__received_t *received);

#endif
