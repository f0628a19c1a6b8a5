/* Channel: packets of bytes with handles, between two processes of one
 * machine. On Unix a local socket with SCM_RIGHTS (unix(7)), on Windows a
 * named pipe in message mode.
 *
 * Life cycle: pal_channel_pair gives two raw ends; one is passed to a child
 * (process.h) or sent; or each side gets its end at a path (listener.h). Each
 * process opens its end with pal_channel_open, sends and receives, and closes
 * it.
 *
 *   pal_handle_t ends[2], handles[PAL_CHANNEL_MAX_HANDLES];
 *   pal_channel_t *here, *there;
 *   pal_bytes_t part = {"hello", 5};
 *   char buf[100];
 *   apr_size_t len;
 *   int n;
 *
 *   pal_channel_pair(ends);
 *   pal_channel_open(&here, &ends[0]);
 *   pal_channel_open(&there, &ends[1]);
 *   pal_channel_queue_set(here, 1 << 20);
 *   pal_channel_watch(here, loop, 0, on_event, NULL);
 *   pal_channel_send(here, &part, 1, &file, 1);
 *   pal_channel_recv(there, buf, sizeof(buf), &len, handles, &n);
 *   while (n > 0)
 *       pal_handle_close(&handles[--n]);
 *   pal_channel_close(&here);
 *   pal_channel_close(&there);
 *
 * Nothing here blocks: a call that would have to wait returns APR_EAGAIN, and
 * pal_channel_watch tells when to try again; or what is sent waits in a queue
 * (pal_channel_queue_set).
 *
 * How packets travel is seen from the socket: each as it is (SOCK_SEQPACKET)
 * or, on a byte stream (SOCK_STREAM), its length in 4 bytes, least significant
 * first, and then its bytes. pal_channel_pair makes the former, or the latter
 * in a pal configured with --disable-linux-native; both understand both. On a
 * byte stream the system may take a part of a packet. That packet is sent: the
 * watch or, without one, whatever is called next on this end (sending,
 * receiving, shutdown) completes it.
 *
 * Threads: pal_channel_send and pal_channel_queued from any thread, one at a
 * time or several; all else on the loop's thread. Nobody may send while it is
 * being closed. */
#ifndef PAL_CHANNEL_H
#define PAL_CHANNEL_H

#include <apr_pools.h>

#include <pal/handle.h>
#include <pal/loop.h>
#include <pal/process.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Most handles in one packet that can be received. */
#define PAL_CHANNEL_MAX_HANDLES 64

/* The largest packet, in bytes: of a new channel, and that can be asked for.
 * Linux keeps a packet in one piece; above 96 KiB it may not find such a piece
 * when memory is scarce. */
#define PAL_CHANNEL_PACKET_LEN (128 << 10)
#define PAL_CHANNEL_MAX_PACKET_LEN (1 << 20)

/* A queue holds at most so many handles, and counts so many bytes for each
 * packet besides its own. */
#define PAL_CHANNEL_MAX_QUEUED_HANDLES 128
#define PAL_CHANNEL_QUEUED_COST 128

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

/* What waits in the queue is lost: see pal_channel_queued. */
void pal_channel_close(pal_channel_t **channel);

/* Say which process has the other end: one that this process launched, or
 * attached to with the same rights, or NULL for the one that launched this
 * process. It does nothing on Unix. Windows has no packets with handles: of
 * two processes one holds the other's, and puts handles into it and takes them
 * out. So there, between processes, handles go only over a channel where this
 * was called on both sides before: with the process on one side, with NULL on
 * the other. Two processes that neither launched the other, such as two
 * children of one, cannot pass handles there: APR_ENOTIMPL. Who gives a wrong
 * process gives it the handles that he sends.
 * Errors: APR_EEXIST: it was called before (Windows). */
apr_status_t pal_channel_peer_process_set(pal_channel_t *channel,
                                          pal_process_t *process);

/* The largest packet that can be sent and received. Both ends should have the
 * same: on a byte stream who announces a larger one breaks the connection.
 * Errors of setting: APR_EINVAL for 0; PAL_E_LIMIT above
 * PAL_CHANNEL_MAX_PACKET_LEN, or if the system does not allow this process
 * as much (net.core.wmem_max on Linux). */
apr_size_t pal_channel_max_packet(pal_channel_t *channel);
apr_status_t pal_channel_max_packet_set(pal_channel_t *channel,
                                        apr_size_t len);

/* Let packets that the system does not take at once wait here, with copies of
 * their handles: up to `limit` bytes, PAL_CHANNEL_QUEUED_COST a packet
 * included. 0, the default: none. The loop sends them, in order, so there must
 * be a watch. A packet that finds no room is refused with APR_EAGAIN, and once
 * the queue is down to half the limit the watch's callback gets PAL_WRITABLE,
 * asked for or not, once.
 *
 * A packet that PAL_E_IN_FLIGHT or lack of memory keeps from being sent is
 * tried again for 10 s. If it still cannot be sent, or the other end is gone,
 * the queue is dropped, later sends return that status, and the callback gets
 * PAL_HANGUP, once.
 *
 * A lower limit than what waits drops nothing. */
void pal_channel_queue_set(pal_channel_t *channel, apr_size_t limit);

/* How many bytes wait, counted as for the limit. */
apr_size_t pal_channel_queued(pal_channel_t *channel);

/* Send one packet made of up to 8 parts (together at least 1 byte) with
 * copies of up to PAL_CHANNEL_MAX_HANDLES handles. All or nothing.
 * Ownership: the handles stay the caller's.
 * Errors: APR_EAGAIN: the channel is full; PAL_E_IN_FLIGHT: too many
 * descriptors of this user wait to be received, APR_ENOMEM: the system has no
 * memory for it (no event tells when to try these two again: use a timer);
 * APR_EPIPE, APR_ECONNRESET: the other end is gone, or pal_channel_shutdown
 * was called; APR_EINVAL: too many parts or handles, or an empty packet;
 * APR_EBADF: one of the handles; PAL_E_TRUNCATED: the packet is larger than
 * the channel takes; APR_ENOTIMPL: on Windows nobody can pass handles to the
 * other end (see pal_channel_peer_process_set). */
apr_status_t pal_channel_send(pal_channel_t *channel, const pal_bytes_t *parts,
                              int n_parts, const pal_handle_t *handles,
                              int n_handles);

/* Receive one packet. At most `len` bytes go to `buf`; `handles` has room for
 * PAL_CHANNEL_MAX_HANDLES.
 * Ownership: the received handles are the caller's, private.
 * Errors: APR_EAGAIN: nothing there, or not yet all of it; APR_EOF: the other
 * end sends no more, and all it sent was received; APR_ECONNRESET: the same,
 * and it is gone without having received all that was sent to it, or in the
 * middle of a packet;
 * PAL_E_TRUNCATED: the packet was longer than `len` and is lost with its
 * handles; PAL_E_HANDLES_LOST: the bytes are all there (*ret_len is set) but
 * not all handles (descriptor limit reached, or more than 64 sent): those
 * received are closed, *ret_n_handles is 0; PAL_E_FRAMING, from then on: the
 * other end announced an empty packet or one above the largest. */
apr_status_t pal_channel_recv(pal_channel_t *channel, void *buf,
                              apr_size_t len, apr_size_t *ret_len,
                              pal_handle_t *handles, int *ret_n_handles);

/* Say that this end sends no more, after what is queued; receiving goes on. */
apr_status_t pal_channel_shutdown(pal_channel_t *channel);

/* Have `fn` called on `loop` while a receive (PAL_READABLE in `events`) or a
 * send (PAL_WRITABLE) may succeed; loop.h says more. pal_channel_want changes
 * the events. The watch ends with the channel or by pal_channel_unwatch.
 * Errors: APR_EEXIST if there is a watch already; APR_ENOTIMPL: another loop
 * watched this end before, and on Windows one can have only one in its life;
 * pal_channel_want: APR_EINVAL if there is none. */
apr_status_t pal_channel_watch(pal_channel_t *channel, pal_loop_t *loop,
                               int events, pal_watch_fn_t fn, void *baton);
apr_status_t pal_channel_want(pal_channel_t *channel, int events);
void pal_channel_unwatch(pal_channel_t *channel);

#ifdef __cplusplus
}
#endif
#endif
