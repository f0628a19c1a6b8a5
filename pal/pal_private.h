/* What each platform must provide: read this to port.
 *
 * The folders unix/ and win32/ hold whole files chosen by the build. A
 * platform implements:
 *
 *   the functions below;
 *   pal_watch_* of <pal/loop.h>, on top of its poller, and pal_signal_*, on
 *   top of alarms;
 *   all of <pal/channel.h>, <pal/file.h>, <pal/handle.h>, <pal/listener.h>,
 *   <pal/region.h>, <pal/self.h> and <pal/stream.h>;
 *   its half of <pal/process.h>, which process_private.h describes;
 *   the layers of <pal/confine.h>, see confine_private.h.
 *
 * The rest (the turns of the loop, timers, posts, wakes, the description of a
 * launch, the log, status texts) is common. Where a platform lacks a
 * mechanism, the call returns APR_ENOTIMPL and the public header says so. */
#ifndef PAL_PRIVATE_H
#define PAL_PRIVATE_H

#include "pal_compiler.h"

#include <pal/loop.h>

#include <apr_pools.h>
#include <apr_time.h>

/* A moment that does not come, and one that has passed. */
#define PAL__NEVER APR_INT64_MAX
#define PAL__AT_ONCE ((apr_time_t)0)

/* The monotonic clock: microseconds since some moment before this process,
 * always above PAL__AT_ONCE. Threads: any. */
apr_time_t pal__clock_now(void);

/* A number, not 0, that no other living thread of this process has. Called
 * often: it must not cost a system call. Threads: any. */
apr_uint64_t pal__thread_self(void);

/* Let other threads have the processor, those of other processes too. */
void pal__thread_yield(void);

/* The part of a loop that waits for handles. Threads: the loop's, except
 * pal__poller_interrupt. */
typedef struct pal__poller_t pal__poller_t;

apr_status_t pal__poller_create(pal__poller_t **ret_poller, apr_pool_t *pool);

/* Release what the poller holds of the system. All watches are closed. */
void pal__poller_destroy(pal__poller_t *poller);

/* Wait until watched handles are ready, the clock reaches `deadline`
 * (PAL__AT_ONCE: only look, PAL__NEVER: no limit), or pal__poller_interrupt
 * is or was called since the last wait. May come back early for no reason at
 * all. What is ready is kept for pal__poller_deliver: a bounded number of
 * handles, the others first next time. */
apr_status_t pal__poller_wait(pal__poller_t *poller, apr_time_t deadline);

/* Whether the last wait found a watched handle ready or was interrupted. */
int pal__poller_has_found(pal__poller_t *poller);

/* Call the watches that the last wait found ready, except those that a
 * callback closed or whose events it took away meanwhile. Returns how many
 * were called. */
int pal__poller_deliver(pal__poller_t *poller);

/* Make the wait of now, or the next one, come back. Cannot fail.
 * Threads: any; signal handlers. */
void pal__poller_interrupt(pal__poller_t *poller);

/* A handle, of the poller's own, that is readable while a wait would come
 * back at once. */
apr_status_t pal__poller_handle(pal__poller_t *poller,
                                pal_handle_t *ret_handle);

/* Others are going to wait for that handle, if it was asked for. The next
 * pal__poller_wait ends that. Errors: APR_ENOMEM. */
apr_status_t pal__poller_prepare(pal__poller_t *poller);

/* Provided by loop.c */

/* The poller of a loop, for pal_watch_create. */
pal__poller_t *pal__loop_poller(pal_loop_t *loop);

/* Something that a signal handler, too, may raise: `fn` is then called on the
 * loop's thread, at least once after the raise. */
typedef struct pal__alarm_t {
    void (*fn)(void *baton); /* these two are for the owner to set */
    void *baton;
    pal__flag_t is_raised;
    struct pal__alarm_t *prev, *next;
} pal__alarm_t;

/* Threads: the loop's. */
void pal__alarm_add(pal_loop_t *loop, pal__alarm_t *alarm);
void pal__alarm_remove(pal_loop_t *loop, pal__alarm_t *alarm);

/* Threads: any; signal handlers. Nobody may raise it while it is removed. */
void pal__alarm_raise(pal_loop_t *loop, pal__alarm_t *alarm);

#endif
