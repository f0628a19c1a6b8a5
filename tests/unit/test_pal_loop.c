#include "config.h"

#include "harness.h"

#include <pal/handle.h>
#include <pal/loop.h>
#include <pal/status.h>

#include <apr_portable.h>
#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

#define LIMIT (10 * APR_USEC_PER_SEC) /* of what must not last this long */

enum { N_PIPES = 300, MANY = 100000 };

static pal_loop_t *make_loop(void)
{
    pal_loop_t *loop = NULL;

    TEST_OK(pal_loop_create(&loop, test_pool()));
    return loop;
}

/* Let everything come that is already there. */
static int settle(pal_loop_t *loop)
{
    int n = 0;

    while (pal_loop_step(loop, 0) == APR_SUCCESS)
        n++;
    return n;
}

static void count(void *baton)
{
    ++*(int *)baton;
}

static int is_set(void *baton)
{
    return *(int *)baton != 0;
}

/* A pipe and a watch on one of its ends. */
typedef struct pipe_t {
    pal_handle_t ends[2];
    pal_watch_t *watch;
    int n;
    int events;              /* of the last call */
    struct pipe_t *to_close; /* what the callback closes, if anything */
    int n_to_close;
} pipe_t;

static void on_pipe(void *baton, int events)
{
    pipe_t *pipe = baton;
    int i;

    pipe->n++;
    pipe->events = events;
    for (i = 0; i < pipe->n_to_close; i++)
        pal_watch_close(&pipe->to_close[i].watch);
}

static void open_pipe(pipe_t *pipe)
{
    memset(pipe, 0, sizeof(*pipe));
    TEST_OK(pal_handle_pipe(pipe->ends));
}

static void close_pipe(pipe_t *pipe)
{
    pal_watch_close(&pipe->watch);
    pal_handle_close(&pipe->ends[0]);
    pal_handle_close(&pipe->ends[1]);
}

static apr_file_t *file_of(pal_handle_t handle)
{
    apr_os_file_t os = (apr_os_file_t)handle;
    apr_file_t *file = NULL;

    TEST_OK(apr_os_file_put(&file, &os, APR_FOPEN_READ | APR_FOPEN_WRITE,
                            test_pool()));
    return file;
}

static void fill(pipe_t *pipe)
{
    TEST_OK(apr_file_write_full(file_of(pipe->ends[1]), "x", 1, NULL));
}

static void empty(pipe_t *pipe)
{
    char byte;

    TEST_OK(apr_file_read_full(file_of(pipe->ends[0]), &byte, 1, NULL));
}

static void watch_pipe(pipe_t *pipe, pal_loop_t *loop, int end, int events)
{
    TEST_OK(pal_watch_create(&pipe->watch, loop, pipe->ends[end], events,
                             on_pipe, pipe));
}

/* Handles */

static void test_watch_levels(void)
{
    pal_loop_t *loop = make_loop();
    pipe_t pipe;

    open_pipe(&pipe);
    watch_pipe(&pipe, loop, 0, PAL_READABLE);
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    fill(&pipe);
    TEST_OK(pal_loop_step(loop, LIMIT));
    TEST_OK(pal_loop_step(loop, LIMIT));
    CU_ASSERT_EQUAL(pipe.n, 2);
    CU_ASSERT_EQUAL(pipe.events, PAL_READABLE);
    TEST_OK(pal_watch_set(pipe.watch, 0));
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    TEST_OK(pal_watch_set(pipe.watch, PAL_READABLE));
    TEST_OK(pal_watch_set(pipe.watch, PAL_READABLE));
    TEST_OK(pal_loop_step(loop, LIMIT));
    empty(&pipe);
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    CU_ASSERT_EQUAL(pipe.n, 3);
    close_pipe(&pipe);

    open_pipe(&pipe);
    watch_pipe(&pipe, loop, 1, PAL_WRITABLE);
    TEST_OK(pal_loop_step(loop, LIMIT));
    CU_ASSERT_EQUAL(pipe.events, PAL_WRITABLE);
    close_pipe(&pipe);
}

static void test_watch_hangup(void)
{
    pal_loop_t *loop = make_loop();
    pipe_t pipe;

    open_pipe(&pipe);
    watch_pipe(&pipe, loop, 0, PAL_READABLE);
    pal_handle_close(&pipe.ends[1]);
    TEST_OK(pal_loop_step(loop, LIMIT));
    CU_ASSERT_EQUAL(pipe.events, PAL_READABLE | PAL_HANGUP);
    /* Who asks for nothing hears of it once, not all the time. */
    TEST_OK(pal_watch_set(pipe.watch, 0));
    TEST_OK(pal_loop_step(loop, LIMIT));
    CU_ASSERT_EQUAL(pipe.events, PAL_HANGUP);
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    TEST_OK(pal_watch_set(pipe.watch, PAL_READABLE));
    TEST_OK(pal_loop_step(loop, LIMIT));
    CU_ASSERT_EQUAL(pipe.events, PAL_READABLE | PAL_HANGUP);
    close_pipe(&pipe);

    open_pipe(&pipe);
    watch_pipe(&pipe, loop, 1, PAL_WRITABLE);
    pal_handle_close(&pipe.ends[0]);
    TEST_OK(pal_loop_step(loop, LIMIT));
    CU_ASSERT_EQUAL(pipe.events, PAL_WRITABLE | PAL_HANGUP);
    close_pipe(&pipe);
}

static void test_watch_errors(void)
{
    const char *path = apr_pstrcat(test_pool(), test_dir(), "/file", NULL);
    pal_loop_t *loop = make_loop();
    pal_watch_t *watch = NULL;
    apr_file_t *file;
    apr_os_file_t os;
    pipe_t pipe;

    open_pipe(&pipe);
    watch_pipe(&pipe, loop, 0, PAL_READABLE);
    CU_ASSERT_TRUE(APR_STATUS_IS_EEXIST(pal_watch_create(
        &watch, loop, pipe.ends[0], PAL_READABLE, on_pipe, &pipe)));
    CU_ASSERT_TRUE(APR_STATUS_IS_EBADF(pal_watch_create(
        &watch, loop, PAL_HANDLE_NONE, PAL_READABLE, on_pipe, &pipe)));
    CU_ASSERT_TRUE(APR_STATUS_IS_EBADF(
        pal_watch_create(&watch, loop, 999999, PAL_READABLE, on_pipe, &pipe)));
    TEST_OK(apr_file_open(
        &file, path, APR_FOPEN_WRITE | APR_FOPEN_CREATE | APR_FOPEN_TRUNCATE,
        APR_FPROT_OS_DEFAULT, test_pool()));
    TEST_OK(apr_os_file_get(&os, file));
    CU_ASSERT_NOT_EQUAL(pal_watch_create(&watch, loop, (pal_handle_t)os,
                                         PAL_READABLE, on_pipe, &pipe),
                        APR_SUCCESS);
    CU_ASSERT_PTR_NULL(watch);
    TEST_OK(apr_file_close(file));
    close_pipe(&pipe);
    pal_watch_close(&pipe.watch); /* empty: nothing happens */
}

/* Of sources found ready together, the first one called closes all: none of
 * the others is called, itself not again. */
static void test_watch_close_in_callback(void)
{
    pal_loop_t *loop = make_loop();
    pipe_t pipes[3];
    int i;

    for (i = 0; i < 3; i++) {
        open_pipe(&pipes[i]);
        fill(&pipes[i]);
        pipes[i].to_close = pipes;
        pipes[i].n_to_close = 3;
        watch_pipe(&pipes[i], loop, 0, PAL_READABLE);
    }
    TEST_OK(pal_loop_step(loop, LIMIT));
    CU_ASSERT_EQUAL(pipes[0].n + pipes[1].n + pipes[2].n, 1);
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    for (i = 0; i < 3; i++) {
        CU_ASSERT_PTR_NULL(pipes[i].watch);
        close_pipe(&pipes[i]);
    }
}

typedef struct replacer_t {
    pal_loop_t *loop;
    pipe_t *others;
    int n;
} replacer_t;

/* Closes the watches of the two pipes and makes new ones in their place. */
static void replace(void *baton, int events)
{
    replacer_t *replacer = baton;
    int i;

    (void)events;
    if (replacer->n++ > 0)
        return;
    for (i = 0; i < 2; i++) {
        if (replacer->others[i].watch == NULL)
            continue;
        pal_watch_close(&replacer->others[i].watch);
        watch_pipe(&replacer->others[i], replacer->loop, 0, PAL_READABLE);
    }
}

static void quiet_all(void *baton, int events)
{
    pipe_t *pipes = baton;
    int i;

    (void)events;
    pipes[0].n++;
    for (i = 0; i < 3; i++)
        TEST_OK(pal_watch_set(pipes[i].watch, 0));
}

/* Nor is one that is not asked for any more. */
static void test_watch_set_in_callback(void)
{
    pal_loop_t *loop = make_loop();
    pipe_t pipes[3];
    int i;

    for (i = 0; i < 3; i++) {
        open_pipe(&pipes[i]);
        fill(&pipes[i]);
        TEST_OK(pal_watch_create(&pipes[i].watch, loop, pipes[i].ends[0],
                                 PAL_READABLE, quiet_all, pipes));
    }
    TEST_OK(pal_loop_step(loop, LIMIT));
    CU_ASSERT_EQUAL(pipes[0].n, 1);
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    for (i = 0; i < 3; i++)
        close_pipe(&pipes[i]);
}

/* An event fetched for a closed watch does not go to a new one on the same
 * handle. */
static void test_watch_replace_in_callback(void)
{
    replacer_t replacer = {0};
    pal_watch_t *first = NULL;
    pipe_t trigger, others[2];
    int i;

    replacer.loop = make_loop();
    replacer.others = others;
    open_pipe(&trigger);
    fill(&trigger);
    TEST_OK(pal_watch_create(&first, replacer.loop, trigger.ends[0],
                             PAL_READABLE, replace, &replacer));
    for (i = 0; i < 2; i++) {
        open_pipe(&others[i]);
        watch_pipe(&others[i], replacer.loop, 0, PAL_READABLE);
        fill(&others[i]);
    }
    TEST_OK(pal_loop_step(replacer.loop, LIMIT));
    CU_ASSERT_EQUAL(replacer.n, 1);
    CU_ASSERT_EQUAL(others[0].n + others[1].n, 0);
    TEST_OK(pal_loop_step(replacer.loop, LIMIT));
    CU_ASSERT_EQUAL(others[0].n, 1);
    CU_ASSERT_EQUAL(others[1].n, 1);
    pal_watch_close(&first);
    close_pipe(&trigger);
    for (i = 0; i < 2; i++)
        close_pipe(&others[i]);
}

/* More handles are ready than one turn takes: each gets its turn. */
static void test_watch_many(void)
{
    pal_loop_t *loop = make_loop();
    pipe_t *pipes = calloc(N_PIPES, sizeof(*pipes));
    int i, n_missed = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(pipes);
    for (i = 0; i < N_PIPES; i++) {
        open_pipe(&pipes[i]);
        fill(&pipes[i]);
        watch_pipe(&pipes[i], loop, 0, PAL_READABLE);
    }
    for (i = 0; i < 3; i++)
        TEST_OK(pal_loop_step(loop, LIMIT));
    for (i = 0; i < N_PIPES; i++) {
        n_missed += pipes[i].n == 0;
        close_pipe(&pipes[i]);
    }
    CU_ASSERT_EQUAL(n_missed, 0);
    free(pipes);
}

/* Timers */

typedef struct tick_t {
    pal_timer_t *timer;
    int number;
    struct trace_t *trace;
    struct tick_t *to_stop, *to_close;
    int n_restarts;
} tick_t;

typedef struct trace_t {
    int numbers[16];
    int n;
} trace_t;

static void on_tick(void *baton)
{
    tick_t *tick = baton;

    tick->trace->numbers[tick->trace->n++ % 16] = tick->number;
    if (tick->n_restarts > 0) {
        tick->n_restarts--;
        TEST_OK(pal_timer_start(tick->timer, 0));
    }
    if (tick->to_stop != NULL)
        pal_timer_stop(tick->to_stop->timer);
    if (tick->to_close != NULL)
        pal_timer_close(&tick->to_close->timer);
}

static void make_ticks(tick_t *ticks, int n, pal_loop_t *loop, trace_t *trace)
{
    int i;

    memset(trace, 0, sizeof(*trace));
    memset(ticks, 0, (apr_size_t)n * sizeof(*ticks));
    for (i = 0; i < n; i++) {
        ticks[i].number = i;
        ticks[i].trace = trace;
        TEST_OK(pal_timer_create(&ticks[i].timer, loop, on_tick, &ticks[i]));
    }
}

static void close_ticks(tick_t *ticks, int n)
{
    int i;

    for (i = 0; i < n; i++)
        pal_timer_close(&ticks[i].timer);
}

static void test_timer_order(void)
{
    pal_loop_t *loop = make_loop();
    tick_t ticks[4];
    trace_t trace;

    make_ticks(ticks, 4, loop, &trace);
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    TEST_OK(pal_timer_start(ticks[0].timer, 3000));
    TEST_OK(pal_timer_start(ticks[1].timer, 1000));
    TEST_OK(pal_timer_start(ticks[2].timer, -5)); /* as 0 */
    TEST_OK(pal_timer_start(ticks[3].timer, 2000));
    while (trace.n < 4)
        TEST_OK(pal_loop_step(loop, LIMIT));
    CU_ASSERT_EQUAL(trace.numbers[0], 2);
    CU_ASSERT_EQUAL(trace.numbers[1], 1);
    CU_ASSERT_EQUAL(trace.numbers[2], 3);
    CU_ASSERT_EQUAL(trace.numbers[3], 0);
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    close_ticks(ticks, 4);
}

/* It comes no earlier than asked for. */
static void test_timer_delay(void)
{
    pal_loop_t *loop = make_loop();
    apr_time_t start;
    tick_t tick;
    trace_t trace;

    make_ticks(&tick, 1, loop, &trace);
    start = apr_time_now();
    TEST_OK(pal_timer_start(tick.timer, 20000));
    TEST_OK(pal_loop_step(loop, LIMIT));
    CU_ASSERT_EQUAL(trace.n, 1);
    /* A millisecond for the system's clock being set meanwhile. */
    CU_ASSERT_TRUE(apr_time_now() - start >= 19000);
    TEST_OK(pal_timer_start(tick.timer, APR_INT64_MAX));
    CU_ASSERT_EQUAL(pal_loop_step(loop, 1000), APR_TIMEUP);
    close_ticks(&tick, 1);
}

static void test_timer_restart(void)
{
    pal_loop_t *loop = make_loop();
    tick_t ticks[2];
    trace_t trace;

    make_ticks(ticks, 2, loop, &trace);
    /* Later, then earlier than the other. */
    TEST_OK(pal_timer_start(ticks[0].timer, 0));
    TEST_OK(pal_timer_start(ticks[0].timer, 2000));
    TEST_OK(pal_timer_start(ticks[1].timer, 1000));
    while (trace.n < 2)
        TEST_OK(pal_loop_step(loop, LIMIT));
    CU_ASSERT_EQUAL(trace.numbers[0], 1);
    CU_ASSERT_EQUAL(trace.numbers[1], 0);
    TEST_OK(pal_timer_start(ticks[1].timer, LIMIT));
    TEST_OK(pal_timer_start(ticks[1].timer, 0));
    TEST_OK(pal_loop_step(loop, LIMIT));
    CU_ASSERT_EQUAL(trace.n, 3);
    /* A deadline that is no more does not end a wait for a later one. */
    TEST_OK(pal_timer_start(ticks[1].timer, 1000));
    pal_timer_stop(ticks[1].timer);
    pal_timer_stop(ticks[1].timer);
    TEST_OK(pal_timer_start(ticks[0].timer, 5000));
    TEST_OK(pal_loop_step(loop, LIMIT));
    CU_ASSERT_EQUAL(trace.n, 4);
    CU_ASSERT_EQUAL(trace.numbers[3], 0);
    close_ticks(ticks, 2);
}

/* Of timers due together, one stops another, one closes itself and one closes
 * another; one started with no delay in its callback waits for a turn. */
static void test_timer_callbacks(void)
{
    pal_loop_t *loop = make_loop();
    tick_t ticks[5];
    trace_t trace;
    int i;

    make_ticks(ticks, 5, loop, &trace);
    ticks[0].to_stop = &ticks[1];
    ticks[0].n_restarts = 1;
    ticks[2].to_close = &ticks[2];
    ticks[3].to_close = &ticks[4];
    for (i = 0; i < 5; i++)
        TEST_OK(pal_timer_start(ticks[i].timer, 0));
    TEST_OK(pal_loop_step(loop, LIMIT));
    CU_ASSERT_EQUAL(trace.n, 3);
    CU_ASSERT_EQUAL(trace.numbers[0], 0);
    CU_ASSERT_EQUAL(trace.numbers[1], 2);
    CU_ASSERT_EQUAL(trace.numbers[2], 3);
    TEST_OK(pal_loop_step(loop, LIMIT));
    CU_ASSERT_EQUAL(trace.n, 4);
    CU_ASSERT_EQUAL(trace.numbers[3], 0);
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    CU_ASSERT_PTR_NULL(ticks[2].timer);
    CU_ASSERT_PTR_NULL(ticks[4].timer);
    close_ticks(ticks, 5);
}

static void test_timer_many(void)
{
    pal_loop_t *loop = make_loop();
    pal_timer_t **timers = calloc(MANY, sizeof(*timers));
    int n = 0;
    int i;

    CU_ASSERT_PTR_NOT_NULL_FATAL(timers);
    for (i = 0; i < MANY; i++) {
        TEST_OK(pal_timer_create(&timers[i], loop, count, &n));
        TEST_OK(pal_timer_start(timers[i], i * 7919 % 10000));
    }
    for (i = 0; i < MANY; i += 2)
        pal_timer_stop(timers[i]);
    while (n < MANY / 2)
        TEST_OK(pal_loop_step(loop, LIMIT));
    CU_ASSERT_EQUAL(n, MANY / 2);
    for (i = 0; i < MANY; i++)
        pal_timer_close(&timers[i]);
    free(timers);
}

/* A handle that is always ready, and whose callback always posts, keeps
 * neither a timer nor a post waiting. */
static void test_fairness(void)
{
    pal_loop_t *loop = make_loop();
    int n_timer = 0, n_post = 0;
    pal_timer_t *timer;
    pipe_t pipe;

    open_pipe(&pipe);
    fill(&pipe);
    watch_pipe(&pipe, loop, 0, PAL_READABLE);
    TEST_OK(pal_timer_create(&timer, loop, count, &n_timer));
    TEST_OK(pal_timer_start(timer, 0));
    TEST_OK(pal_loop_post(loop, count, &n_post));
    TEST_OK(pal_loop_step(loop, LIMIT));
    CU_ASSERT_EQUAL(pipe.n, 1);
    CU_ASSERT_EQUAL(n_timer, 1);
    CU_ASSERT_EQUAL(n_post, 1);
    TEST_OK(pal_timer_start(timer, 1000));
    TEST_OK(pal_loop_run_until(loop, is_set, &n_timer, LIMIT));
    n_timer = 0;
    TEST_OK(pal_loop_run_until(loop, is_set, &n_timer, LIMIT));
    CU_ASSERT_TRUE(pipe.n > 2);
    pal_timer_close(&timer);
    close_pipe(&pipe);
}

/* Posts and wakes */

typedef struct poster_t {
    pal_loop_t *loop;
    int n;
    int n_left;
} poster_t;

static void post_again(void *baton)
{
    poster_t *poster = baton;

    poster->n++;
    if (poster->n_left-- > 0)
        TEST_OK(pal_loop_post(poster->loop, post_again, poster));
}

/* What a post posts comes in the next turn. */
static void test_post_turns(void)
{
    poster_t poster = {0};

    poster.loop = make_loop();
    poster.n_left = 2;
    TEST_OK(pal_loop_post(poster.loop, post_again, &poster));
    TEST_OK(pal_loop_step(poster.loop, LIMIT));
    CU_ASSERT_EQUAL(poster.n, 1);
    TEST_OK(pal_loop_step(poster.loop, LIMIT));
    CU_ASSERT_EQUAL(poster.n, 2);
    CU_ASSERT_EQUAL(settle(poster.loop), 1);
    CU_ASSERT_EQUAL(poster.n, 3);
}

static void test_post_dropped(void)
{
    pal_loop_t *loop = make_loop();
    int n = 0;

    TEST_OK(pal_loop_post(loop, count, &n));
    TEST_OK(pal_loop_post(loop, count, &n));
    pal_loop_destroy(loop);
    CU_ASSERT_EQUAL(n, 0);
}

static void test_wake_coalesces(void)
{
    pal_loop_t *loop = make_loop();
    pal_wake_t *wake = NULL;
    int n = 0;
    int i;

    TEST_OK(pal_wake_create(&wake, loop, count, &n));
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    for (i = 0; i < 1000; i++)
        pal_wake_signal(wake);
    CU_ASSERT_EQUAL(settle(loop), 1);
    CU_ASSERT_EQUAL(n, 1);
    pal_wake_signal(wake);
    CU_ASSERT_EQUAL(settle(loop), 1);
    CU_ASSERT_EQUAL(n, 2);
    pal_wake_signal(wake);
    pal_wake_close(&wake);
    pal_wake_close(&wake);
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    CU_ASSERT_EQUAL(n, 2);
}

typedef struct waker_t {
    pal_wake_t *wake;
    struct waker_t *to_close; /* or NULL */
    int n;
    int n_again; /* signals itself */
} waker_t;

static void on_wake(void *baton)
{
    waker_t *waker = baton;

    waker->n++;
    if (waker->n_again > 0) {
        waker->n_again--;
        pal_wake_signal(waker->wake);
    }
    if (waker->to_close != NULL)
        pal_wake_close(&waker->to_close->wake);
}

/* Wakes close themselves, another that is signalled, and signal themselves
 * again. */
static void test_wake_callbacks(void)
{
    pal_loop_t *loop = make_loop();
    waker_t wakers[4];
    int i;

    memset(wakers, 0, sizeof(wakers));
    wakers[0].to_close = &wakers[1];
    wakers[2].to_close = &wakers[2];
    wakers[3].n_again = 1;
    for (i = 0; i < 4; i++) {
        TEST_OK(pal_wake_create(&wakers[i].wake, loop, on_wake, &wakers[i]));
        pal_wake_signal(wakers[i].wake);
    }
    TEST_OK(pal_loop_step(loop, LIMIT));
    CU_ASSERT_EQUAL(wakers[0].n, 1);
    CU_ASSERT_EQUAL(wakers[1].n, 0);
    CU_ASSERT_EQUAL(wakers[2].n, 1);
    CU_ASSERT_EQUAL(wakers[3].n, 1);
    CU_ASSERT_EQUAL(settle(loop), 1);
    CU_ASSERT_EQUAL(wakers[3].n, 2);
    pal_wake_close(&wakers[0].wake);
    pal_wake_close(&wakers[3].wake);
}

/* Running */

static void stop(void *baton)
{
    pal_loop_stop(baton);
}

static void test_stop(void)
{
    pal_loop_t *loop = make_loop();
    int done = 0;

    pal_loop_stop(loop);
    pal_loop_stop(loop);
    TEST_OK(pal_loop_run(loop));
    /* It counted once. */
    CU_ASSERT_EQUAL(pal_loop_run_until(loop, is_set, &done, 0), APR_TIMEUP);
    TEST_OK(pal_loop_post(loop, stop, loop));
    TEST_OK(pal_loop_run(loop));
    TEST_OK(pal_loop_post(loop, stop, loop));
    CU_ASSERT_TRUE(
        APR_STATUS_IS_EINTR(pal_loop_run_until(loop, is_set, &done, LIMIT)));
    /* A step neither ends by a stop nor uses it up. */
    pal_loop_stop(loop);
    CU_ASSERT_EQUAL(pal_loop_step(loop, 1000), APR_TIMEUP);
    TEST_OK(pal_loop_run(loop));
}

static void test_run_until(void)
{
    pal_loop_t *loop = make_loop();
    int done = 1;

    /* Asked before the first wait. */
    TEST_OK(pal_loop_run_until(loop, is_set, &done, -1));
    done = 0;
    CU_ASSERT_EQUAL(pal_loop_run_until(loop, is_set, &done, 0), APR_TIMEUP);
    CU_ASSERT_EQUAL(pal_loop_run_until(loop, is_set, &done, 2000), APR_TIMEUP);
    /* One turn comes even without time. */
    TEST_OK(pal_loop_post(loop, count, &done));
    TEST_OK(pal_loop_run_until(loop, is_set, &done, 0));
}

static void test_step(void)
{
    pal_loop_t *loop = make_loop();
    apr_time_t start = apr_time_now();
    int n = 0;

    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    CU_ASSERT_EQUAL(pal_loop_step(loop, 20000), APR_TIMEUP);
    CU_ASSERT_TRUE(apr_time_now() - start >= 19000);
    TEST_OK(pal_loop_post(loop, count, &n));
    TEST_OK(pal_loop_step(loop, -1));
    CU_ASSERT_EQUAL(n, 1);
}

typedef struct nested_t {
    pal_loop_t *loop, *other;
    apr_status_t run, run_until, step, run_other;
    int is_inside, is_inside_other, is_mine;
} nested_t;

static void run_nested(void *baton)
{
    nested_t *nested = baton;
    int done = 1;

    nested->run = pal_loop_run(nested->loop);
    nested->run_until = pal_loop_run_until(nested->loop, is_set, &done, 0);
    nested->step = pal_loop_step(nested->loop, 0);
    nested->run_other = pal_loop_run_until(nested->other, is_set, &done, 0);
    nested->is_inside = pal_loop_is_inside(nested->loop);
    nested->is_inside_other = pal_loop_is_inside(nested->other);
    nested->is_mine = pal_loop_is_mine(nested->loop);
}

static void test_reentrant(void)
{
    nested_t nested;

    memset(&nested, 0, sizeof(nested));
    nested.loop = make_loop();
    nested.other = make_loop();
    CU_ASSERT_FALSE(pal_loop_is_inside(nested.loop));
    CU_ASSERT_TRUE(pal_loop_is_mine(nested.loop));
    TEST_OK(pal_loop_post(nested.loop, run_nested, &nested));
    TEST_OK(pal_loop_step(nested.loop, LIMIT));
    CU_ASSERT_EQUAL(nested.run, PAL_E_REENTRANT);
    CU_ASSERT_EQUAL(nested.run_until, PAL_E_REENTRANT);
    CU_ASSERT_EQUAL(nested.step, PAL_E_REENTRANT);
    TEST_OK(nested.run_other);
    CU_ASSERT_TRUE(nested.is_inside);
    CU_ASSERT_FALSE(nested.is_inside_other);
    CU_ASSERT_TRUE(nested.is_mine);
    CU_ASSERT_FALSE(pal_loop_is_inside(nested.loop));
}

static void test_destroy(void)
{
    apr_pool_t *pool;
    pal_loop_t *loop;

    TEST_OK(apr_pool_create(&pool, test_pool()));
    TEST_OK(pal_loop_create(&loop, pool));
    pal_loop_destroy(loop);
    TEST_OK(pal_loop_create(&loop, pool));
    apr_pool_destroy(pool);
}

static const test_case_t cases[] = {
    {"watch_levels", test_watch_levels},
    {"watch_hangup", test_watch_hangup},
    {"watch_errors", test_watch_errors},
    {"watch_close_in_callback", test_watch_close_in_callback},
    {"watch_set_in_callback", test_watch_set_in_callback},
    {"watch_replace_in_callback", test_watch_replace_in_callback},
    {"watch_many", test_watch_many},
    {"timer_order", test_timer_order},
    {"timer_delay", test_timer_delay},
    {"timer_restart", test_timer_restart},
    {"timer_callbacks", test_timer_callbacks},
    {"timer_many", test_timer_many},
    {"fairness", test_fairness},
    {"post_turns", test_post_turns},
    {"post_dropped", test_post_dropped},
    {"wake_coalesces", test_wake_coalesces},
    {"wake_callbacks", test_wake_callbacks},
    {"stop", test_stop},
    {"run_until", test_run_until},
    {"step", test_step},
    {"reentrant", test_reentrant},
    {"destroy", test_destroy},
    {NULL, NULL},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "pal_loop", cases);
}
