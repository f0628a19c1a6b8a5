/* The common half of the event loop: turns, timers, posts, wakes. The
 * platform's poller waits for handles (pal_private.h).
 *
 * A turn waits, then delivers what the wait found ready, the timers that are
 * due, the posts and wakes that are queued, and the alarms. Each is bounded
 * by what was there when its part of the turn began: what callbacks add is
 * for the next turn. So no busy handle keeps timers or posts waiting, nor the
 * other way round.
 *
 * Posts and wakes share one queue under a mutex. Who queues something says so
 * (`has_queued`) and then interrupts the poller if the loop waits or is about
 * to (`is_sleeping`); the loop says that it will wait and then looks whether
 * anything is queued. Both flags are sequentially consistent, so either the
 * loop sees the entry or the other thread sees it sleeping. A turn in which
 * nothing is queued takes no lock. */
#include "config.h"

#include "busy.h"
#include "pal_compiler.h"
#include "pal_private.h"
#include "timers.h"

#include <pal/loop.h>
#include <pal/self.h>
#include <pal/status.h>

#include <apr_thread_mutex.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* An entry of the queue: a post, or part of a wake. Entries form rings, so
 * one can be taken out of whatever ring it is in; alone it is a ring of
 * one. */
typedef struct item_t {
    struct item_t *prev, *next;
    void (*fn)(void *baton);
    void *baton;
    pal_wake_t *wake; /* NULL: a post, freed before it is called */
} item_t;

struct pal_loop_t {
    apr_pool_t *pool;
    pal__poller_t *poller;
    pal__timers_t timers;
    apr_size_t n_timers;       /* made, running or not */
    apr_thread_mutex_t *mutex; /* for `queue` */
    item_t queue;              /* head of the ring of what is queued */
    pal__flag_t has_queued;    /* perhaps: it may be closed again */
    pal__alarm_t *alarms;
    pal__alarm_t *next_alarm; /* to look at, while they are run */
    pal__flag_t has_alarm;    /* perhaps */
    pal__busy_t busy;
    pal__flag_t is_sleeping;
    pal__flag_t is_stopped;
    pal__flag_t is_running;
    pal__atomic64_t owner;  /* thread that runs it, ran it last, or made it */
    pal__atomic64_t inside; /* thread in a callback, or 0 */
};

struct pal_timer_t {
    pal__timer_node_t node; /* first: the heap knows the timer by it */
    pal_loop_t *loop;
    pal_timer_fn_t fn;
    void *baton;
};

struct pal_wake_t {
    item_t item;
    pal_loop_t *loop;
    pal__flag_t is_signalled; /* and its call is still to come */
};

static void ring_init(item_t *head)
{
    head->prev = head->next = head;
}

static int ring_is_empty(const item_t *head)
{
    return head->next == head;
}

static void ring_append(item_t *head, item_t *item)
{
    item->prev = head->prev;
    item->next = head;
    head->prev->next = item;
    head->prev = item;
}

static void ring_remove(item_t *item)
{
    item->prev->next = item->next;
    item->next->prev = item->prev;
    ring_init(item);
}

/* Move all of `from` to the empty `to`. */
static void ring_move(item_t *to, item_t *from)
{
    if (ring_is_empty(from))
        return;
    *to = *from;
    to->prev->next = to;
    to->next->prev = to;
    ring_init(from);
}

static void lock(pal_loop_t *loop)
{
    apr_status_t rv = apr_thread_mutex_lock(loop->mutex);

    assert(rv == APR_SUCCESS);
    (void)rv;
}

static void unlock(pal_loop_t *loop)
{
    apr_status_t rv = apr_thread_mutex_unlock(loop->mutex);

    assert(rv == APR_SUCCESS);
    (void)rv;
}

static void enqueue(pal_loop_t *loop, item_t *item)
{
    lock(loop);
    ring_append(&loop->queue, item);
    unlock(loop);
    (void)pal__flag_set(&loop->has_queued, 1);
    if (pal__flag_set(&loop->is_sleeping, 0))
        pal__poller_interrupt(loop->poller);
}

static apr_status_t clean_up(void *baton)
{
    pal_loop_t *loop = baton;

    while (!ring_is_empty(&loop->queue)) { /* wakes are closed: posts */
        item_t *post = loop->queue.next;

        ring_remove(post);
        free(post);
    }
    pal__timers_fini(&loop->timers);
    pal__poller_destroy(loop->poller);
    return apr_thread_mutex_destroy(loop->mutex);
}

apr_status_t pal_loop_create(pal_loop_t **ret_loop, apr_pool_t *pool)
{
    pal_loop_t *loop = apr_palloc(pool, sizeof(*loop));
    apr_status_t rv;

    if (loop == NULL)
        return APR_ENOMEM;
    memset(loop, 0, sizeof(*loop));
    loop->pool = pool;
    ring_init(&loop->queue);
    pal__timers_init(&loop->timers);
    pal__atomic64_set(&loop->owner, pal__thread_self());
    rv =
        apr_thread_mutex_create(&loop->mutex, APR_THREAD_MUTEX_UNNESTED, pool);
    if (rv != APR_SUCCESS)
        return rv;
    rv = pal__poller_create(&loop->poller, pool);
    if (rv != APR_SUCCESS) {
        (void)apr_thread_mutex_destroy(loop->mutex);
        return rv;
    }
    apr_pool_cleanup_register(pool, loop, clean_up, apr_pool_cleanup_null);
    *ret_loop = loop;
    return APR_SUCCESS;
}

void pal_loop_destroy(pal_loop_t *loop)
{
    (void)apr_pool_cleanup_run(loop->pool, loop, clean_up);
}

pal__poller_t *pal__loop_poller(pal_loop_t *loop)
{
    return loop->poller;
}

void pal__alarm_add(pal_loop_t *loop, pal__alarm_t *alarm)
{
    alarm->prev = NULL;
    alarm->next = loop->alarms;
    if (alarm->next != NULL)
        alarm->next->prev = alarm;
    loop->alarms = alarm;
}

void pal__alarm_remove(pal_loop_t *loop, pal__alarm_t *alarm)
{
    if (loop->next_alarm == alarm)
        loop->next_alarm = alarm->next;
    if (alarm->next != NULL)
        alarm->next->prev = alarm->prev;
    if (alarm->prev != NULL)
        alarm->prev->next = alarm->next;
    else
        loop->alarms = alarm->next;
}

void pal__alarm_raise(pal_loop_t *loop, pal__alarm_t *alarm)
{
    (void)pal__flag_set(&alarm->is_raised, 1);
    (void)pal__flag_set(&loop->has_alarm, 1);
    pal__poller_interrupt(loop->poller);
}

/* `delay` from now, at most PAL__NEVER. */
static apr_time_t moment_after(apr_interval_time_t delay)
{
    apr_time_t now = pal__clock_now();

    if (delay < 0)
        delay = 0;
    return delay < PAL__NEVER - now ? now + delay : PAL__NEVER;
}

/* The end of a run of at most `timeout`. */
static apr_time_t end_after(apr_interval_time_t timeout)
{
    if (timeout == 0)
        return PAL__AT_ONCE;
    return timeout < 0 ? PAL__NEVER : moment_after(timeout);
}

static int has_passed(apr_time_t end)
{
    return end != PAL__NEVER && end <= pal__clock_now();
}

static int run_timers(pal_loop_t *loop)
{
    pal__timer_node_t *node = pal__timers_first(&loop->timers);
    apr_uint64_t end = loop->timers.next_order;
    apr_time_t now;
    int n = 0;

    if (node == NULL)
        return 0;
    /* A timer that a callback starts is due at `now` or later and comes after
     * those of the same moment, so the first such one ends the round. */
    now = pal__clock_now();
    while (node != NULL && node->deadline <= now && node->order < end) {
        pal_timer_t *timer = (pal_timer_t *)node;

        pal__timers_stop(&loop->timers, node);
        timer->fn(timer->baton); /* may close the timer */
        n++;
        node = pal__timers_first(&loop->timers);
    }
    return n;
}

static int run_queue(pal_loop_t *loop)
{
    item_t batch;
    int n = 0;

    if (!pal__flag_get(&loop->has_queued))
        return 0;
    (void)pal__flag_set(&loop->has_queued, 0);
    ring_init(&batch);
    lock(loop);
    ring_move(&batch, &loop->queue);
    unlock(loop);
    while (!ring_is_empty(&batch)) {
        item_t *item = batch.next;
        void (*fn)(void *baton) = item->fn;
        void *baton = item->baton;

        ring_remove(item);
        if (item->wake == NULL)
            free(item);
        else /* before the call: a signal during it is a new one */
            (void)pal__flag_set(&item->wake->is_signalled, 0);
        fn(baton); /* may close the wake, and others of the batch */
        n++;
    }
    return n;
}

static int run_alarms(pal_loop_t *loop)
{
    pal__alarm_t *alarm;
    int n = 0;

    if (!pal__flag_get(&loop->has_alarm))
        return 0;
    (void)pal__flag_set(&loop->has_alarm, 0);
    /* New ones come first, so they are not reached. */
    for (alarm = loop->alarms; alarm != NULL; alarm = loop->next_alarm) {
        loop->next_alarm = alarm->next;
        if (!pal__flag_set(&alarm->is_raised, 0))
            continue;
        alarm->fn(alarm->baton); /* may remove it, and others */
        n++;
    }
    return n;
}

/* When the next wait must end at the latest, so far. */
static apr_time_t next_deadline(pal_loop_t *loop, apr_time_t end)
{
    pal__timer_node_t *node = pal__timers_first(&loop->timers);

    return node != NULL && node->deadline < end ? node->deadline : end;
}

/* From now on who queues something interrupts the poller; what is queued
 * already makes it look only. */
static apr_time_t before_sleep(pal_loop_t *loop, apr_time_t deadline)
{
    if (deadline == PAL__AT_ONCE)
        return deadline;
    (void)pal__flag_set(&loop->is_sleeping, 1);
    return pal__flag_get(&loop->has_queued) ? PAL__AT_ONCE : deadline;
}

/* Look, again and again, as long as that may pay. *ret_is_over is 0 if it is
 * time to sleep. */
static apr_status_t poll_busily(pal_loop_t *loop, apr_time_t deadline,
                                int *ret_is_over)
{
    int is_first = 1;
    int is_over = 0;
    apr_status_t rv;
    apr_time_t now;

    for (;;) {
        rv = pal__poller_wait(loop->poller, PAL__AT_ONCE);
        if (rv != APR_SUCCESS)
            return rv;
        now = pal__clock_now();
        is_over = pal__poller_has_found(loop->poller)
                  || pal__flag_get(&loop->has_queued) || deadline <= now;
        if (is_over)
            break;
        pal__thread_yield();
        if (!pal__busy_goes_on(&loop->busy, pal__clock_now()))
            break;
        is_first = 0;
    }
    if (is_over && !is_first)
        pal__busy_found(&loop->busy, now);
    *ret_is_over = is_over;
    return APR_SUCCESS;
}

static apr_status_t wait_for_something(pal_loop_t *loop, apr_time_t end)
{
    apr_time_t deadline = next_deadline(loop, end);
    int is_over = 0;
    apr_status_t rv;

    if (loop->busy.window > 0 && deadline != PAL__AT_ONCE
        && pal__busy_start(&loop->busy, pal__clock_now())) {
        rv = poll_busily(loop, deadline, &is_over);
        if (rv != APR_SUCCESS || is_over)
            return rv;
    }
    rv = pal__poller_wait(loop->poller, before_sleep(loop, deadline));
    (void)pal__flag_set(&loop->is_sleeping, 0);
    return rv;
}

/* *ret_n: how many callbacks came. */
static apr_status_t turn(pal_loop_t *loop, apr_time_t end, int *ret_n)
{
    apr_status_t rv = wait_for_something(loop, end);
    int n;

    if (rv != APR_SUCCESS)
        return rv;
    pal__atomic64_set(&loop->inside, pal__thread_self());
    n = pal__poller_deliver(loop->poller);
    n += run_timers(loop);
    n += run_queue(loop);
    n += run_alarms(loop);
    pal__atomic64_set(&loop->inside, 0);
    *ret_n = n;
    return APR_SUCCESS;
}

static apr_status_t begin(pal_loop_t *loop)
{
    if (pal__flag_set(&loop->is_running, 1))
        return PAL_E_REENTRANT;
    pal__atomic64_set(&loop->owner, pal__thread_self());
    return APR_SUCCESS;
}

static void finish(pal_loop_t *loop)
{
    (void)pal__flag_set(&loop->is_running, 0);
}

static int never(void *baton)
{
    (void)baton;
    return 0;
}

apr_status_t pal_loop_run(pal_loop_t *loop)
{
    apr_status_t rv = pal_loop_run_until(loop, never, NULL, -1);

    return APR_STATUS_IS_EINTR(rv) ? APR_SUCCESS : rv;
}

apr_status_t pal_loop_run_until(pal_loop_t *loop, int (*done)(void *baton),
                                void *baton, apr_interval_time_t timeout)
{
    apr_time_t end = end_after(timeout);
    apr_status_t rv = begin(loop);
    int is_late = 0;
    int n;

    if (rv != APR_SUCCESS)
        return rv;
    while (rv == APR_SUCCESS && !done(baton)) {
        if (pal__flag_get(&loop->is_stopped)) {
            (void)pal__flag_set(&loop->is_stopped, 0);
            rv = APR_EINTR;
        }
        else if (is_late) {
            rv = APR_TIMEUP;
        }
        else {
            rv = turn(loop, end, &n);
            is_late = has_passed(end);
        }
    }
    finish(loop);
    return rv;
}

apr_status_t pal_loop_step(pal_loop_t *loop, apr_interval_time_t timeout)
{
    apr_time_t end = end_after(timeout);
    apr_status_t rv = begin(loop);
    int n = 0;

    if (rv != APR_SUCCESS)
        return rv;
    do {
        rv = turn(loop, end, &n);
    } while (rv == APR_SUCCESS && n == 0 && !has_passed(end));
    finish(loop);
    return rv == APR_SUCCESS && n == 0 ? APR_TIMEUP : rv;
}

apr_status_t pal_loop_busy_poll_set(pal_loop_t *loop,
                                    apr_interval_time_t window)
{
    if (window < 0 || window > PAL__BUSY_LONGEST_WINDOW)
        return APR_EINVAL;
    pal__busy_init(&loop->busy, pal_self_cpus() > 1 ? window : 0);
    return APR_SUCCESS;
}

apr_status_t pal_loop_host_handle(pal_loop_t *loop, pal_handle_t *ret_handle,
                                  int *ret_events)
{
    apr_status_t rv = pal__poller_handle(loop->poller, ret_handle);

    if (rv == APR_SUCCESS)
        *ret_events = PAL_READABLE;
    return rv;
}

apr_interval_time_t pal_loop_prepare(pal_loop_t *loop)
{
    apr_time_t deadline = before_sleep(loop, next_deadline(loop, PAL__NEVER));
    apr_time_t now;

    if (deadline == PAL__AT_ONCE
        || pal__poller_prepare(loop->poller) != APR_SUCCESS)
        return 0;
    if (deadline == PAL__NEVER)
        return -1;
    now = pal__clock_now();
    return deadline > now ? deadline - now : 0;
}

apr_status_t pal_loop_dispatch(pal_loop_t *loop)
{
    apr_status_t rv = begin(loop);
    int n;

    if (rv != APR_SUCCESS)
        return rv;
    rv = turn(loop, PAL__AT_ONCE, &n);
    finish(loop);
    return rv;
}

void pal_loop_stop(pal_loop_t *loop)
{
    /* Interrupts also a loop that is not waiting: it may have asked for the
     * flag already. */
    (void)pal__flag_set(&loop->is_stopped, 1);
    pal__poller_interrupt(loop->poller);
}

int pal_loop_is_inside(pal_loop_t *loop)
{
    return pal__atomic64_get(&loop->inside) == pal__thread_self();
}

int pal_loop_is_mine(pal_loop_t *loop)
{
    return pal__atomic64_get(&loop->owner) == pal__thread_self();
}

apr_status_t pal_loop_post(pal_loop_t *loop, void (*fn)(void *baton),
                           void *baton)
{
    item_t *post = malloc(sizeof(*post));

    if (post == NULL)
        return APR_ENOMEM;
    post->fn = fn;
    post->baton = baton;
    post->wake = NULL;
    enqueue(loop, post);
    return APR_SUCCESS;
}

apr_status_t pal_timer_create(pal_timer_t **ret_timer, pal_loop_t *loop,
                              pal_timer_fn_t fn, void *baton)
{
    apr_status_t rv = pal__timers_reserve(&loop->timers, loop->n_timers + 1);
    pal_timer_t *timer;

    if (rv != APR_SUCCESS)
        return rv;
    timer = calloc(1, sizeof(*timer));
    if (timer == NULL)
        return APR_ENOMEM;
    timer->loop = loop;
    timer->fn = fn;
    timer->baton = baton;
    loop->n_timers++;
    *ret_timer = timer;
    return APR_SUCCESS;
}

apr_status_t pal_timer_start(pal_timer_t *timer, apr_interval_time_t delay)
{
    pal__timers_t *timers = &timer->loop->timers;

    pal__timers_stop(timers, &timer->node);
    pal__timers_start(timers, &timer->node, moment_after(delay));
    return APR_SUCCESS;
}

void pal_timer_stop(pal_timer_t *timer)
{
    pal__timers_stop(&timer->loop->timers, &timer->node);
}

void pal_timer_close(pal_timer_t **timer)
{
    pal_timer_t *closing = *timer;

    if (closing == NULL)
        return;
    pal_timer_stop(closing);
    closing->loop->n_timers--;
    free(closing);
    *timer = NULL;
}

apr_status_t pal_wake_create(pal_wake_t **ret_wake, pal_loop_t *loop,
                             pal_wake_fn_t fn, void *baton)
{
    pal_wake_t *wake = calloc(1, sizeof(*wake));

    if (wake == NULL)
        return APR_ENOMEM;
    wake->loop = loop;
    ring_init(&wake->item);
    wake->item.fn = fn;
    wake->item.baton = baton;
    wake->item.wake = wake;
    *ret_wake = wake;
    return APR_SUCCESS;
}

void pal_wake_signal(pal_wake_t *wake)
{
    if (!pal__flag_set(&wake->is_signalled, 1))
        enqueue(wake->loop, &wake->item);
}

void pal_wake_close(pal_wake_t **wake)
{
    pal_wake_t *closing = *wake;
    pal_loop_t *loop;

    if (closing == NULL)
        return;
    loop = closing->loop;
    lock(loop);
    ring_remove(&closing->item);
    unlock(loop);
    free(closing);
    *wake = NULL;
}
