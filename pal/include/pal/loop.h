/* The event loop: waits for handles, timers, process exits (process.h),
 * signals and posts from other threads, and calls back.
 *
 * Life cycle: pal_loop_create; make sources; pal_loop_run or
 * pal_loop_run_until or pal_loop_step; close the sources; pal_loop_destroy.
 * In a program that has a loop of its own, pal_loop_prepare and
 * pal_loop_dispatch take the place of running.
 *
 * A loop belongs to the thread that runs it. Sources are made, changed and
 * closed on that thread only, and their callbacks come on it. Calls that any
 * thread may use say so. Closing any source, also the one calling, is safe
 * inside any callback; after the close its callback does not come again.
 * Running a loop inside one of its own callbacks is PAL_E_REENTRANT.
 *
 * Times are apr_interval_time_t: microseconds of the monotonic clock. */
#ifndef PAL_LOOP_H
#define PAL_LOOP_H

#include <apr_pools.h>
#include <apr_time.h>

#include <pal/handle.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pal_loop_t pal_loop_t;
typedef struct pal_watch_t pal_watch_t;
typedef struct pal_timer_t pal_timer_t;
typedef struct pal_wake_t pal_wake_t;
typedef struct pal_signal_t pal_signal_t;

/* Events of a handle. HANGUP (the other end is gone, or an error waits) is
 * reported whether asked for or not, and always together with those asked
 * for, so that the read or write that follows finds out. It is reported again
 * and again until the watch is closed or asks for nothing. */
enum { PAL_READABLE = 1, PAL_WRITABLE = 2, PAL_HANGUP = 4 };

/* Make a loop. It is destroyed by pal_loop_destroy or with its pool; all its
 * sources must be closed before. Posts that still wait are dropped. */
apr_status_t pal_loop_create(pal_loop_t **ret_loop, apr_pool_t *pool);
void pal_loop_destroy(pal_loop_t *loop);

/* Run until pal_loop_stop. A stop that came before the run counts.
 * Errors: PAL_E_REENTRANT. */
apr_status_t pal_loop_run(pal_loop_t *loop);

/* Run until done(baton) is not zero, which is asked before the first wait and
 * after each turn. `timeout` < 0: no limit.
 * Errors: APR_TIMEUP, after one turn at least; PAL_E_REENTRANT; APR_EINTR if
 * pal_loop_stop came first. */
apr_status_t pal_loop_run_until(pal_loop_t *loop, int (*done)(void *baton),
                                void *baton, apr_interval_time_t timeout);

/* One turn: wait at most `timeout` (0: do not wait, < 0: no limit) for
 * something to happen, then deliver it: handles that are ready (as many as the
 * system reports at once, 128 on Linux, the others in the next turn), timers
 * that are due, posts and wakes. What the callbacks themselves add is for the
 * next turn.
 * Errors: APR_TIMEUP if nothing happened, PAL_E_REENTRANT. */
apr_status_t pal_loop_step(pal_loop_t *loop, apr_interval_time_t timeout);

/* Before sleeping, look again and again for at most `window` (0, as it is at
 * first: do not; at most 1000). Between two processors that have nothing else
 * to do this makes a round trip several times faster, and it costs the
 * processor. It stops itself for a while, longer each time, when somebody else
 * wants the processor or when nothing comes within the window again and again.
 * Ignored if this process may run on one processor only at the time of the
 * call. Errors: APR_EINVAL. */
apr_status_t pal_loop_busy_poll_set(pal_loop_t *loop,
                                    apr_interval_time_t window);

/* Hosting in a foreign loop, which does this for each turn of its own:
 *
 *   timeout = pal_loop_prepare(loop);
 *   wait until `handle` has one of `events`, for own things, or the timeout
 *   pal_loop_dispatch(loop);
 *
 * pal_loop_host_handle says what to wait for: the handle, to be waited for
 * level triggered, and the events, PAL_READABLE. They stay the same.
 * Ownership: the handle is the loop's.
 * Where the loop waits by an apr_pollset, a thread of its own waits meanwhile.
 * Errors: APR_ENOMEM; what the system says of making the handle.
 *
 * pal_loop_prepare returns the longest wait in microseconds, 0 if something is
 * there already, < 0 for no limit. It must be called again if between it and
 * the wait a timer was started, or a watch made or changed.
 *
 * pal_loop_dispatch does what pal_loop_step does without waiting; it succeeds
 * also if nothing has happened, and a stop is nothing to it.
 * Errors: PAL_E_REENTRANT. */
apr_status_t pal_loop_host_handle(pal_loop_t *loop, pal_handle_t *ret_handle,
                                  int *ret_events);
apr_interval_time_t pal_loop_prepare(pal_loop_t *loop);
apr_status_t pal_loop_dispatch(pal_loop_t *loop);

/* End pal_loop_run or pal_loop_run_until, the present one or else the next.
 * Threads: any. */
void pal_loop_stop(pal_loop_t *loop);

/* Is the calling thread inside one of this loop's callbacks? Threads: any. */
int pal_loop_is_inside(pal_loop_t *loop);

/* Does the loop belong to the calling thread: is it the one that runs it or,
 * while none runs it, ran it last or made it? Threads: any. */
int pal_loop_is_mine(pal_loop_t *loop);

/* Call fn(baton) once on the loop's thread. Posts run in the order posted.
 * Errors: APR_ENOMEM. Threads: any. */
apr_status_t pal_loop_post(pal_loop_t *loop, void (*fn)(void *baton),
                           void *baton);

/* Watch a handle. `events`: PAL_READABLE, PAL_WRITABLE, both or 0. Level
 * triggered. The handle stays the caller's and must stay open until the
 * watch is closed. With 0, a hang-up is reported once.
 *
 * Windows: PAL_READABLE is reported of whatever can be waited for (events,
 * processes, semaphores, ...; no mutexes) while it is signalled, or once if
 * the wait uses that up. Byte pipes are looked at every 10 ms, and can be
 * written to at any time. Of channels and streams, watch those (channel.h).
 * Errors: APR_EBADF; APR_EEXIST if it is watched already; what the system
 * says about handles that cannot be waited for (regular files); on Windows
 * PAL_E_KIND for these, and APR_EINVAL if PAL_WRITABLE is asked of what is no
 * pipe. */
typedef void (*pal_watch_fn_t)(void *baton, int events);
apr_status_t pal_watch_create(pal_watch_t **ret_watch, pal_loop_t *loop,
                              pal_handle_t handle, int events,
                              pal_watch_fn_t fn, void *baton);
apr_status_t pal_watch_set(pal_watch_t *watch, int events);
void pal_watch_close(pal_watch_t **watch);

/* A timer, created stopped. pal_timer_start restarts a running one, and always
 * succeeds; it fires once. Timers fire in the order of their deadlines, equal
 * ones in the order they were started. */
typedef void (*pal_timer_fn_t)(void *baton);
apr_status_t pal_timer_create(pal_timer_t **ret_timer, pal_loop_t *loop,
                              pal_timer_fn_t fn, void *baton);
apr_status_t pal_timer_start(pal_timer_t *timer, apr_interval_time_t delay);
void pal_timer_stop(pal_timer_t *timer);
void pal_timer_close(pal_timer_t **timer);

/* A wake: pal_wake_signal, from any thread, makes its callback come on the
 * loop's thread at least once after the signal; signals in between are one.
 * It cannot fail. The closer sees to it that nobody signals any more. */
typedef void (*pal_wake_fn_t)(void *baton);
apr_status_t pal_wake_create(pal_wake_t **ret_wake, pal_loop_t *loop,
                             pal_wake_fn_t fn, void *baton);
void pal_wake_signal(pal_wake_t *wake);
void pal_wake_close(pal_wake_t **wake);

/* Signals of the operating system, only on request: while there is a source
 * for `number` pal has a handler installed for it, and at the close it puts
 * back what was there, unless somebody else has replaced the handler. The
 * callback comes on the loop's thread at least once after the signal; signals
 * in between are one. The handler restarts system calls (SA_RESTART).
 * Children are launched without it: what is handled here ends them, or
 * whatever the system does by default. A signal that is blocked by all threads
 * does not come.
 *
 * Who has which number is the one thing in pal that belongs to the process and
 * not to an object.
 * Windows: SIGINT and SIGBREAK, as the console tells of Ctrl+C and Ctrl+Break;
 * there are no others.
 * Errors: APR_EEXIST if there is a source for it, in whatever loop;
 * APR_EINVAL: no such signal, or it cannot be handled (SIGKILL, SIGSTOP), or
 * it tells of a fault (SIGSEGV and its like). */
typedef void (*pal_signal_fn_t)(void *baton);
apr_status_t pal_signal_create(pal_signal_t **ret_signal, pal_loop_t *loop,
                               int number, pal_signal_fn_t fn, void *baton);
void pal_signal_close(pal_signal_t **signal);

#ifdef __cplusplus
}
#endif
#endif
