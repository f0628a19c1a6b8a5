/* What an end of a channel and one of a stream have in common: the socket,
 * the queue of what it did not take, and the watch.
 *
 * Sending is under a lock, for any thread. On the loop's thread, which alone
 * watches and receives, the lock is taken where the queue is looked at. Who
 * changes it elsewhere signals the wake, so that the loop asks the system for
 * what is needed now. */
#ifndef PAL_ENDPOINT_UNIX_H
#define PAL_ENDPOINT_UNIX_H

#include "message_unix.h"

#include <pal/channel.h>
#include <pal/loop.h>

#include <apr_time.h>

#include <pthread.h>

typedef struct pal__waiting_t pal__waiting_t;

typedef struct pal__endpoint_t {
    int fd;
    int is_partial; /* a part of what is sent may be taken, as of a stream */

    pthread_mutex_t lock; /* for this group */
    pal__waiting_t *queue, **queue_end;
    apr_size_t queued; /* bytes, with PAL_CHANNEL_QUEUED_COST each */
    apr_size_t limit;
    int n_fds;            /* in the queue */
    int was_refused;      /* somebody is to be told of room */
    int is_finishing;     /* no more comes after the queue */
    apr_status_t broken;  /* cannot send any more */
    apr_status_t stalled; /* why the first cannot go now: no event will tell */
    apr_time_t stalled_since;
    pal_wake_t *wake; /* while it is watched */

    pal_watch_t *watch; /* on the loop's thread only, as all below */
    pal_timer_t *retry;
    int is_retrying; /* it runs */
    int wants;
    int told_broken;
    pal_watch_fn_t fn;
    void *baton;
    int was_reset; /* reported when all is received */
} pal__endpoint_t;

/* Take over the descriptor; close it. */
void pal__endpoint_init(pal__endpoint_t *endpoint, int fd, int is_partial);
void pal__endpoint_fini(pal__endpoint_t *endpoint);

/* What the functions of the same names in channel.h and stream.h do. */
void pal__endpoint_queue_set(pal__endpoint_t *endpoint, apr_size_t limit);
apr_size_t pal__endpoint_queued(pal__endpoint_t *endpoint);
apr_status_t pal__endpoint_shutdown(pal__endpoint_t *endpoint);
apr_status_t pal__endpoint_watch(pal__endpoint_t *endpoint, pal_loop_t *loop,
                                 int events, pal_watch_fn_t fn, void *baton);
apr_status_t pal__endpoint_want(pal__endpoint_t *endpoint, int events);
void pal__endpoint_unwatch(pal__endpoint_t *endpoint);

/* What the caller of a send function passes, checked: fills vectors[0...7]
 * and fds.
 * Errors: APR_EINVAL. */
#define PAL__MAX_PARTS 8
apr_status_t pal__endpoint_gather(const pal_bytes_t *parts, int n_parts,
                                  const pal_handle_t *handles, int n_handles,
                                  struct iovec *vectors, int *fds,
                                  apr_size_t *ret_len);

/* Send or queue it: all or, of a partial one, what there is room for. */
apr_status_t pal__endpoint_send(pal__endpoint_t *endpoint,
                                const pal__outgoing_t *outgoing,
                                apr_size_t *ret_len);

/* Receive. At the end APR_EOF or APR_ECONNRESET. */
apr_status_t pal__endpoint_recv(pal__endpoint_t *endpoint, void *buf,
                                apr_size_t len, pal__received_t *ret_received);

#endif
