/* Channel: packets of bytes with handles, between two processes of one
 * machine. On Linux a SOCK_SEQPACKET Unix socket with SCM_RIGHTS (unix(7)).
 *
 * Life cycle: pal_channel_pair gives two raw ends; one is passed to a child
 * (process.h) or sent; each process opens its end with pal_channel_open,
 * sends and receives, and closes it.
 *
 * Nothing here blocks: a call that would have to wait returns APR_EAGAIN, and
 * pal_channel_watch tells when to try again.
 *
 * Threads: pal_channel_send from any thread, one at a time or several; all
 * else on the loop's thread. Nobody may send while it is being closed. */
#ifndef PAL_CHANNEL_H
#define PAL_CHANNEL_H

#include <apr_pools.h>

#include <pal/handle.h>
#include <pal/loop.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Most handles in one packet that can be received. */
#define PAL_CHANNEL_MAX_HANDLES 64

typedef struct pal_channel_t pal_channel_t;

/* Part of a packet. */
typedef struct pal_bytes_t {
    const void *data;
    apr_size_t len;
} pal_bytes_t;

/* Two connected ends. Ownership: both are the caller's. */
apr_status_t pal_channel_pair(pal_handle_t ret_ends[2]);

/* Take over one end.
 * Ownership: *end is taken, and NONE, on success only.
 * Errors: APR_EBADF; PAL_E_KIND if it is no end of a channel. */
apr_status_t pal_channel_open(pal_channel_t **ret_channel, pal_handle_t *end);
void pal_channel_close(pal_channel_t **channel);

/* Send one packet made of up to 8 parts (together at least 1 byte) with
 * copies of up to PAL_CHANNEL_MAX_HANDLES handles. All or nothing.
 * Ownership: the handles stay the caller's.
 * Errors: APR_EAGAIN: the channel is full; PAL_E_IN_FLIGHT: too many
 * descriptors of this user wait to be received (no event tells when to try
 * again: use a timer); APR_EPIPE, APR_ECONNRESET: the other end is gone;
 * APR_EINVAL: too many parts or handles, or an empty packet; PAL_E_TRUNCATED:
 * the packet is larger than the system takes. */
apr_status_t pal_channel_send(pal_channel_t *channel, const pal_bytes_t *parts,
                              int n_parts, const pal_handle_t *handles,
                              int n_handles);

/* Receive one packet. At most `len` bytes go to `buf`; `handles` has room for
 * PAL_CHANNEL_MAX_HANDLES.
 * Ownership: the received handles are the caller's, private.
 * Errors: APR_EAGAIN: nothing there; APR_EOF: the other end sends no more, and
 * all it sent was received; APR_ECONNRESET: the same, and it is gone without
 * having received all that was sent to it;
 * PAL_E_TRUNCATED: the packet was longer than `len` and is lost with its
 * handles; PAL_E_HANDLES_LOST: the bytes are all there (*ret_len is set) but
 * not all handles (descriptor limit reached, or more than 64 sent): those
 * received are closed. */
apr_status_t pal_channel_recv(pal_channel_t *channel, void *buf,
                              apr_size_t len, apr_size_t *ret_len,
                              pal_handle_t *handles, int *ret_n_handles);

/* Say that this end sends no more; receiving goes on. */
apr_status_t pal_channel_shutdown(pal_channel_t *channel);

/* Have `fn` called on `loop` while a receive (PAL_READABLE in `events`) or a
 * send (PAL_WRITABLE) may succeed; loop.h says more. pal_channel_want changes
 * the events. The watch ends with the channel or by pal_channel_unwatch.
 * Errors: APR_EEXIST if there is a watch already; pal_channel_want: APR_EINVAL
 * if there is none. */
apr_status_t pal_channel_watch(pal_channel_t *channel, pal_loop_t *loop,
                               int events, pal_watch_fn_t fn, void *baton);
apr_status_t pal_channel_want(pal_channel_t *channel, int events);
void pal_channel_unwatch(pal_channel_t *channel);

#ifdef __cplusplus
}
#endif
#endif
