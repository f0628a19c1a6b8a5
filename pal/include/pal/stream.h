/* Stream: bytes with handles, between two processes of one machine; for
 * protocols that have a framing of their own. On Unix a local socket of type
 * SOCK_STREAM with SCM_RIGHTS (unix(7)), on Windows a named pipe. Who wants
 * packets takes a channel (channel.h), which works the same way.
 *
 * Life cycle: pal_stream_pair gives two raw ends, or each side gets its end at
 * a path (listener.h); pal_stream_open; send and receive; pal_stream_close.
 *
 *   pal_handle_t ends[2], handles[PAL_CHANNEL_MAX_HANDLES];
 *   pal_stream_t *here, *there;
 *   pal_bytes_t part = {"hello", 5};
 *   char buf[100];
 *   apr_size_t len;
 *   int n;
 *
 *   pal_stream_pair(ends);
 *   pal_stream_open(&here, &ends[0]);
 *   pal_stream_open(&there, &ends[1]);
 *   pal_stream_send(here, &part, 1, NULL, 0, &len);
 *   pal_stream_shutdown(here);
 *   while (pal_stream_recv(there, buf, sizeof(buf), &len, handles, &n)
 *          == APR_SUCCESS)
 *       fwrite(buf, 1, len, stdout);
 *   pal_stream_close(&here);
 *   pal_stream_close(&there);
 *
 * Nothing here blocks: a call that would have to wait returns APR_EAGAIN, and
 * pal_stream_watch tells when to try again; or what is sent waits in a queue
 * (pal_stream_queue_set).
 *
 * Threads: pal_stream_send and pal_stream_queued from any thread, one at a
 * time or several; all else on the loop's thread. Nobody may send while it is
 * being closed. */
#ifndef PAL_STREAM_H
#define PAL_STREAM_H

#include <pal/channel.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pal_stream_t pal_stream_t;

/* Two connected ends. Ownership: both are the caller's. */
apr_status_t pal_stream_pair(pal_handle_t ret_ends[2]);

/* Take over one end.
 * Ownership: *end is taken, and NONE, on success only.
 * Errors: APR_EBADF; PAL_E_KIND if it is no end of a stream. */
apr_status_t pal_stream_open(pal_stream_t **ret_stream, pal_handle_t *end);

/* What waits in the queue is lost: see pal_stream_queued. */
void pal_stream_close(pal_stream_t **stream);

/* As pal_channel_queue_set and pal_channel_queued, where a packet is what one
 * send left to the queue. What the limit leaves no room for is not sent. */
void pal_stream_queue_set(pal_stream_t *stream, apr_size_t limit);
apr_size_t pal_stream_queued(pal_stream_t *stream);

/* As pal_channel_peer_process_set. */
apr_status_t pal_stream_peer_process_set(pal_stream_t *stream,
                                         pal_process_t *process);

/* Send bytes from up to 8 parts (together at least 1 byte) with copies of up
 * to PAL_CHANNEL_MAX_HANDLES handles. *ret_len is how many were taken, at
 * least 1: the rest is to be sent again, without the handles, which go with
 * the first byte.
 * Ownership: the handles stay the caller's.
 * Errors: as pal_channel_send; nothing was sent. */
apr_status_t pal_stream_send(pal_stream_t *stream, const pal_bytes_t *parts,
                             int n_parts, const pal_handle_t *handles,
                             int n_handles, apr_size_t *ret_len);

/* Receive what is there, at most `len` bytes (at least 1); `handles` has room
 * for PAL_CHANNEL_MAX_HANDLES. Handles come with the first byte that they
 * were sent with; bytes sent before may come in the same call, bytes of later
 * sends do not.
 * Ownership: the received handles are the caller's, private.
 * Errors: APR_EAGAIN: nothing there; APR_EINVAL: `len` is 0; APR_EOF: the
 * other end sends no more, and all it sent was received; APR_ECONNRESET: the
 * same, and it is gone without having received all that was sent to it;
 * PAL_E_HANDLES_LOST: the bytes are there (*ret_len is set) but not all their
 * handles (descriptor limit reached, or more than 64 sent): those received are
 * closed, *ret_n_handles is 0. */
apr_status_t pal_stream_recv(pal_stream_t *stream, void *buf, apr_size_t len,
                             apr_size_t *ret_len, pal_handle_t *handles,
                             int *ret_n_handles);

/* Say that this end sends no more, after what is queued; receiving goes on. */
apr_status_t pal_stream_shutdown(pal_stream_t *stream);

/* As pal_channel_watch, pal_channel_want and pal_channel_unwatch. */
apr_status_t pal_stream_watch(pal_stream_t *stream, pal_loop_t *loop,
                              int events, pal_watch_fn_t fn, void *baton);
apr_status_t pal_stream_want(pal_stream_t *stream, int events);
void pal_stream_unwatch(pal_stream_t *stream);

#ifdef __cplusplus
}
#endif
#endif
