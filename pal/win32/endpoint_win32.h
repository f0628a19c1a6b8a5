/* What an end of a channel and one of a stream have in common: the pipe, the
 * packets that wait, and the watch.
 *
 * A pipe takes packets until it is full; the one that does not fit waits in
 * the system, written when there is room, and more wait here, up to the limit
 * of the queue. Sending goes on in a thread of the system's pool, so it needs
 * no loop, and what the system has not taken at the close is sent still, as
 * long as this process lives.
 *
 * A read of no bytes is under way while the end is watched: it is done when
 * there is a packet, or the other end is gone, and takes nothing.
 *
 * Sending is under a lock, for any thread; all else is on the loop's. */
#ifndef PAL_ENDPOINT_WIN32_H
#define PAL_ENDPOINT_WIN32_H

#include "pipe_win32.h"

#include <pal/channel.h>
#include <pal/process.h>

typedef struct pal__endpoint_t pal__endpoint_t;

/* Take over an end of this kind; close it. */
apr_status_t pal__endpoint_open(pal__endpoint_t **ret_endpoint,
                                pal__pipe_kind_t kind, pal_handle_t *end);
void pal__endpoint_close(pal__endpoint_t **endpoint);

/* What the functions of the same names in channel.h and stream.h do. */
apr_size_t pal__endpoint_max_packet(pal__endpoint_t *endpoint);
void pal__endpoint_max_packet_set(pal__endpoint_t *endpoint, apr_size_t len);
void pal__endpoint_queue_set(pal__endpoint_t *endpoint, apr_size_t limit);
apr_size_t pal__endpoint_queued(pal__endpoint_t *endpoint);
apr_status_t pal__endpoint_shutdown(pal__endpoint_t *endpoint);
apr_status_t pal__endpoint_peer_set(pal__endpoint_t *endpoint,
                                    pal_process_t *process);
apr_status_t pal__endpoint_watch(pal__endpoint_t *endpoint, pal_loop_t *loop,
                                 int events, pal_watch_fn_t fn, void *baton);
apr_status_t pal__endpoint_want(pal__endpoint_t *endpoint, int events);
void pal__endpoint_unwatch(pal__endpoint_t *endpoint);

/* Send: all of it, or if `is_partial`, what there is room for. */
apr_status_t pal__endpoint_send(pal__endpoint_t *endpoint,
                                const pal_bytes_t *parts, int n_parts,
                                const pal_handle_t *handles, int n_handles,
                                int is_partial, apr_size_t *ret_len);

/* Receive a packet, or if `is_partial`, as much of one as `len`. */
apr_status_t pal__endpoint_recv(pal__endpoint_t *endpoint, void *buf,
                                apr_size_t len, int is_partial,
                                apr_size_t *ret_len, pal_handle_t *handles,
                                int *ret_n_handles);

#endif
