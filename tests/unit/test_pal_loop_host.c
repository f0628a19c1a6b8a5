#include "config.h"

#include "harness.h"

#include <pal/handle.h>
#include <pal/loop.h>
#include <pal/self.h>
#include <pal/status.h>

#include <apr_thread_proc.h>

#include <stdlib.h>
#include <string.h>

/* A loop inside a foreign one, which is another of ours; and a loop that polls
 * before it sleeps. */

#define LIMIT (10 * APR_USEC_PER_SEC) /* of what must not last this long */

static pal_loop_t *make_loop(void)
{
    pal_loop_t *loop = NULL;

    TEST_OK(pal_loop_create(&loop, test_pool()));
    return loop;
}

static void count(void *baton)
{
    ++*(int *)baton;
}

static int is_set(void *baton)
{
    return *(int *)baton != 0;
}

static void count_events(void *baton, int events)
{
    (void)events;
    ++*(int *)baton;
}

typedef struct host_t {
    pal_loop_t *guest, *own;
    pal_watch_t *watch;
    pal_timer_t *timer;
    int n; /* dispatches */
} host_t;

static void dispatch(host_t *host)
{
    host->n++;
    TEST_OK(pal_loop_dispatch(host->guest));
}

static void on_handle(void *baton, int events)
{
    CU_ASSERT_TRUE((events & PAL_READABLE) != 0);
    dispatch(baton);
}

static void on_timeout(void *baton)
{
    dispatch(baton);
}

static void open_host(host_t *host)
{
    pal_handle_t handle;
    int events = 0;

    memset(host, 0, sizeof(*host));
    host->guest = make_loop();
    host->own = make_loop();
    TEST_OK(pal_loop_host_handle(host->guest, &handle, &events));
    CU_ASSERT_EQUAL(events, PAL_READABLE);
    TEST_OK(pal_watch_create(&host->watch, host->own, handle, events,
                             on_handle, host));
    TEST_OK(pal_timer_create(&host->timer, host->own, on_timeout, host));
}

static void close_host(host_t *host)
{
    pal_watch_close(&host->watch);
    pal_timer_close(&host->timer);
    pal_loop_destroy(host->guest);
    pal_loop_destroy(host->own);
}

/* One turn of the foreign loop; whether anything happened in it. */
static int host_turn(host_t *host, apr_interval_time_t longest)
{
    apr_interval_time_t timeout = pal_loop_prepare(host->guest);
    apr_status_t rv;

    if (timeout >= 0)
        TEST_OK(pal_timer_start(host->timer, timeout));
    rv = pal_loop_step(host->own, longest);
    pal_timer_stop(host->timer);
    CU_ASSERT_TRUE(rv == APR_SUCCESS || APR_STATUS_IS_TIMEUP(rv));
    return rv == APR_SUCCESS;
}

static void host_until(host_t *host, const int *done)
{
    while (!*done && host_turn(host, LIMIT))
        continue;
    CU_ASSERT_TRUE(*done);
}

/* Until the handle says no more; a loop may have to be run once for a new
 * watch. */
static void calm_down(host_t *host)
{
    while (host_turn(host, 0))
        continue;
}

static void test_prepare(void)
{
    pal_loop_t *loop = make_loop();
    apr_interval_time_t timeout;
    pal_timer_t *timer;
    int n = 0;

    CU_ASSERT_TRUE(pal_loop_prepare(loop) < 0);
    TEST_OK(pal_timer_create(&timer, loop, count, &n));
    TEST_OK(pal_timer_start(timer, LIMIT));
    timeout = pal_loop_prepare(loop);
    CU_ASSERT_TRUE(timeout > 0 && timeout <= LIMIT);
    TEST_OK(pal_timer_start(timer, 0));
    CU_ASSERT_EQUAL(pal_loop_prepare(loop), 0);
    TEST_OK(pal_loop_dispatch(loop));
    CU_ASSERT_EQUAL(n, 1);
    CU_ASSERT_TRUE(pal_loop_prepare(loop) < 0);
    TEST_OK(pal_loop_post(loop, count, &n));
    CU_ASSERT_EQUAL(pal_loop_prepare(loop), 0);
    /* A stop is for who runs it. */
    pal_loop_stop(loop);
    TEST_OK(pal_loop_dispatch(loop));
    CU_ASSERT_EQUAL(n, 2);
    TEST_OK(pal_loop_dispatch(loop));
    TEST_OK(pal_loop_run(loop));
    pal_timer_close(&timer);
}

static void test_handle(void)
{
    pal_handle_t ends[2];
    pal_watch_t *watch = NULL;
    host_t host;
    int n = 0;

    open_host(&host);
    TEST_OK(pal_handle_pipe(ends));
    TEST_OK(
        pal_watch_create(&watch, host.guest, ends[1], 0, count_events, &n));
    calm_down(&host);
    CU_ASSERT_EQUAL(n, 0);
    TEST_OK(pal_watch_set(watch, PAL_WRITABLE));
    host_until(&host, &n);
    /* Level triggered, as inside. */
    n = 0;
    host_until(&host, &n);
    TEST_OK(pal_watch_set(watch, 0));
    n = 0;
    calm_down(&host);
    CU_ASSERT_EQUAL(n, 0);
    pal_watch_close(&watch);
    pal_handle_close(&ends[0]);
    pal_handle_close(&ends[1]);
    close_host(&host);
}

static void test_timers(void)
{
    pal_timer_t *early, *late;
    int n_early = 0, n_late = 0;
    host_t host;

    open_host(&host);
    TEST_OK(pal_timer_create(&early, host.guest, count, &n_early));
    TEST_OK(pal_timer_create(&late, host.guest, count, &n_late));
    TEST_OK(pal_timer_start(late, LIMIT));
    TEST_OK(pal_timer_start(early, 1000));
    host_until(&host, &n_early);
    CU_ASSERT_EQUAL(n_late, 0);
    TEST_OK(pal_timer_start(late, 3000));
    host_until(&host, &n_late);
    CU_ASSERT_EQUAL(n_early, 1);
    pal_timer_close(&early);
    pal_timer_close(&late);
    close_host(&host);
}

typedef struct sender_t {
    pal_wake_t *wake;
    int n; /* times it is to signal; each is waited for */
    int n_seen;
    int is_done;
    struct sender_t *back;
} sender_t;

static void on_wake(void *baton)
{
    sender_t *sender = baton;

    sender->n_seen++;
    if (sender->back != NULL)
        pal_wake_signal(sender->back->wake);
    sender->is_done = sender->n_seen == sender->n;
}

typedef struct partner_t {
    pal_loop_t *loop;
    sender_t sender;
    apr_status_t status;
} partner_t;

static void *APR_THREAD_FUNC run_partner(apr_thread_t *thread, void *baton)
{
    partner_t *partner = baton;

    partner->status = pal_loop_run_until(partner->loop, is_set,
                                         &partner->sender.is_done, LIMIT);
    test_thread_exit(thread);
}

/* A ball between `loop` here and one on another thread, by wakes alone: a
 * lost one is a hang. */
static apr_thread_t *start_ball(pal_loop_t *loop, sender_t *here,
                                partner_t *there)
{
    apr_thread_t *thread;

    memset(here, 0, sizeof(*here));
    memset(there, 0, sizeof(*there));
    here->n = there->sender.n = test_scale(10000);
    here->back = &there->sender;
    there->sender.back = here;
    there->loop = make_loop();
    TEST_OK(pal_wake_create(&here->wake, loop, on_wake, here));
    TEST_OK(pal_wake_create(&there->sender.wake, there->loop, on_wake,
                            &there->sender));
    TEST_OK(apr_thread_create(&thread, NULL, run_partner, there, test_pool()));
    pal_wake_signal(there->sender.wake);
    return thread;
}

static void end_ball(apr_thread_t *thread, sender_t *here, partner_t *there)
{
    apr_status_t rv;

    TEST_OK(apr_thread_join(&rv, thread));
    TEST_OK(there->status);
    CU_ASSERT_EQUAL(here->n_seen, here->n);
    pal_wake_close(&here->wake);
    pal_wake_close(&there->sender.wake);
}

static void test_wakes(void)
{
    apr_thread_t *thread;
    partner_t there;
    sender_t here;
    host_t host;

    open_host(&host);
    thread = start_ball(host.guest, &here, &there);
    host_until(&host, &here.is_done);
    end_ball(thread, &here, &there);
    close_host(&host);
}

typedef struct nested_t {
    pal_loop_t *loop;
    apr_status_t status;
} nested_t;

static void dispatch_nested(void *baton)
{
    nested_t *nested = baton;

    nested->status = pal_loop_dispatch(nested->loop);
}

static void test_reentrant(void)
{
    nested_t nested;

    nested.loop = make_loop();
    nested.status = APR_SUCCESS;
    TEST_OK(pal_loop_post(nested.loop, dispatch_nested, &nested));
    TEST_OK(pal_loop_dispatch(nested.loop));
    CU_ASSERT_EQUAL(nested.status, PAL_E_REENTRANT);
}

static void test_busy_errors(void)
{
    pal_loop_t *loop = make_loop();

    CU_ASSERT_TRUE(APR_STATUS_IS_EINVAL(pal_loop_busy_poll_set(loop, -1)));
    CU_ASSERT_TRUE(APR_STATUS_IS_EINVAL(pal_loop_busy_poll_set(loop, 1001)));
    TEST_OK(pal_loop_busy_poll_set(loop, 0));
}

/* What a loop does when it polls is what it does when it does not. */
static void test_busy(void)
{
    pal_loop_t *loop = make_loop();
    int n_timer = 0, n_post = 0, n_watch = 0;
    pal_watch_t *watch = NULL;
    pal_handle_t ends[2];
    pal_timer_t *timer;
    apr_time_t start;
    int i;

    TEST_OK(pal_loop_busy_poll_set(loop, 1000));
    start = apr_time_now();
    CU_ASSERT_EQUAL(pal_loop_step(loop, 20000), APR_TIMEUP);
    /* A millisecond for the system's clock being set meanwhile. */
    CU_ASSERT_TRUE(apr_time_now() - start >= 19000);
    TEST_OK(pal_timer_create(&timer, loop, count, &n_timer));
    /* Within the window and beyond it. */
    for (i = 0; i < 20; i++) {
        TEST_OK(pal_timer_start(timer, i % 2 == 0 ? 100 : 2000));
        TEST_OK(pal_loop_step(loop, LIMIT));
        CU_ASSERT_EQUAL(n_timer, i + 1);
    }
    TEST_OK(pal_loop_post(loop, count, &n_post));
    TEST_OK(pal_loop_step(loop, LIMIT));
    CU_ASSERT_EQUAL(n_post, 1);
    TEST_OK(pal_handle_pipe(ends));
    TEST_OK(pal_watch_create(&watch, loop, ends[1], PAL_WRITABLE, count_events,
                             &n_watch));
    TEST_OK(pal_loop_step(loop, LIMIT));
    CU_ASSERT_EQUAL(n_watch, 1);
    pal_watch_close(&watch);
    /* A stop is no event for a step, which goes on waiting. */
    pal_loop_stop(loop);
    CU_ASSERT_EQUAL(pal_loop_step(loop, 2000), APR_TIMEUP);
    TEST_OK(pal_loop_run(loop));
    pal_timer_close(&timer);
    pal_handle_close(&ends[0]);
    pal_handle_close(&ends[1]);
}

static void test_busy_wakes(void)
{
    pal_loop_t *loop = make_loop();
    apr_thread_t *thread;
    partner_t there;
    sender_t here;

    TEST_OK(pal_loop_busy_poll_set(loop, 50));
    thread = start_ball(loop, &here, &there);
    TEST_OK(pal_loop_run_until(loop, is_set, &here.is_done, LIMIT));
    end_ball(thread, &here, &there);
}

static void *APR_THREAD_FUNC stop_there(apr_thread_t *thread, void *baton)
{
    pal_loop_stop(baton);
    test_thread_exit(thread);
}

static void test_busy_stop(void)
{
    pal_loop_t *loop = make_loop();
    int n = test_scale(500);
    apr_thread_t *thread;
    apr_status_t rv;
    int i;

    for (i = 0; i < n; i++) {
        /* Anew, or it might be resting. */
        TEST_OK(pal_loop_busy_poll_set(loop, 1000));
        TEST_OK(
            apr_thread_create(&thread, NULL, stop_there, loop, test_pool()));
        TEST_OK(pal_loop_run(loop));
        TEST_OK(apr_thread_join(&rv, thread));
    }
}

static const test_case_t cases[] = {
    {"prepare", test_prepare},     {"handle", test_handle},
    {"timers", test_timers},       {"wakes", test_wakes},
    {"reentrant", test_reentrant}, {"busy_errors", test_busy_errors},
    {"busy", test_busy},           {"busy_wakes", test_busy_wakes},
    {"busy_stop", test_busy_stop}, {NULL, NULL},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "pal_loop_host", cases);
}
