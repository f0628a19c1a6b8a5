#include "config.h"

#include "child.h"
#include "harness.h"
#include "launch.h"

#include <pal/handle.h>
#include <pal/loop.h>
#include <pal/process.h>

#include <string.h>

#include <signal.h>

/* Sources of all kinds, closed inside each other's callbacks while all have
 * something to tell, and kept busy beside each other. */

#define LIMIT (10 * APR_USEC_PER_SEC) /* of what must not last this long */

typedef enum { WATCH, PROCESS, TIMER, WAKE, SIGNAL, N_KINDS } kind_t;

typedef struct source_t {
    kind_t kind;
    int number; /* of the signal */
    pal_loop_t *loop;
    pal_handle_t ends[2];
    pal_watch_t *watch;
    pal_process_t *process;
    pal_timer_t *timer;
    pal_wake_t *wake;
    pal_signal_t *signal;
    struct source_t *to_close; /* by its callback: so many in a row */
    int n_to_close;
    int is_busy; /* has more to tell at once */
    int n;       /* calls */
} source_t;

/* Closing twice is harmless for all of them. */
static void close_source(source_t *source)
{
    pal_watch_close(&source->watch);
    pal_process_close(&source->process);
    pal_timer_close(&source->timer);
    pal_wake_close(&source->wake);
    pal_signal_close(&source->signal);
}

/* Have it called; a watch is ready all the time, and a process tells once. */
static void set_off(source_t *source)
{
    switch (source->kind) {
    case TIMER:
        TEST_OK(pal_timer_start(source->timer, 0));
        break;
    case WAKE:
        pal_wake_signal(source->wake);
        break;
    case SIGNAL:
        (void)raise(source->number);
        break;
    default:
        break;
    }
}

static void on_any(void *baton)
{
    source_t *source = baton;
    int i;

    source->n++;
    if (source->is_busy)
        set_off(source);
    for (i = 0; i < source->n_to_close; i++)
        close_source(&source->to_close[i]);
}

static void on_events(void *baton, int events)
{
    (void)events;
    on_any(baton);
}

static void on_end(void *baton, pal_process_t *process)
{
    (void)process;
    on_any(baton);
}

static void open_source(source_t *source, pal_loop_t *loop, kind_t kind,
                        int number)
{
    memset(source, 0, sizeof(*source));
    source->kind = kind;
    source->loop = loop;
    source->number = number;
    source->ends[0] = source->ends[1] = PAL_HANDLE_NONE;
    switch (kind) {
    case WATCH:
        TEST_OK(pal_handle_pipe(source->ends));
        TEST_OK(pal_watch_create(&source->watch, loop, source->ends[1],
                                 PAL_WRITABLE, on_events, source));
        break;
    case PROCESS: /* one that has ended is as ready as one that just does */
        source->process =
            launch_start(launch_command_with("exit", launch_number(0)));
        TEST_OK(pal_process_wait(source->process, LIMIT));
        TEST_OK(pal_process_watch(source->process, loop, on_end, source));
        break;
    case TIMER:
        TEST_OK(pal_timer_create(&source->timer, loop, on_any, source));
        break;
    case WAKE:
        TEST_OK(pal_wake_create(&source->wake, loop, on_any, source));
        break;
    default:
        TEST_OK(
            pal_signal_create(&source->signal, loop, number, on_any, source));
        break;
    }
}

static void finish(source_t *source)
{
    close_source(source);
    pal_handle_close(&source->ends[0]);
    pal_handle_close(&source->ends[1]);
}

/* Both are ready; whichever is called first closes the other one, or both: no
 * other call comes, nor later. */
static void run_pair(pal_loop_t *loop, kind_t left, kind_t right,
                     int closes_both)
{
    source_t pair[2];
    int i;

    open_source(&pair[0], loop, left, SIGUSR1);
    open_source(&pair[1], loop, right, SIGUSR2);
    for (i = 0; i < 2; i++) {
        pair[i].to_close = closes_both ? pair : &pair[1 - i];
        pair[i].n_to_close = closes_both ? 2 : 1;
        set_off(&pair[i]);
    }
    TEST_OK(pal_loop_step(loop, LIMIT));
    CU_ASSERT_EQUAL(pair[0].n + pair[1].n, 1);
    for (i = 0; i < 2; i++)
        close_source(&pair[i]);
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    CU_ASSERT_EQUAL(pair[0].n + pair[1].n, 1);
    for (i = 0; i < 2; i++)
        finish(&pair[i]);
}

static void run_pairs(int closes_both)
{
    pal_loop_t *loop = NULL;
    int left, right;

    TEST_OK(pal_loop_create(&loop, test_pool()));
    for (left = 0; left < N_KINDS; left++)
        for (right = 0; right < N_KINDS; right++)
            run_pair(loop, (kind_t)left, (kind_t)right, closes_both);
}

static void close_other(void)
{
    run_pairs(0);
}

static void close_both(void)
{
    run_pairs(1);
}

/* Two of each kind, all ready: the first one called closes all. In each round
 * one kind more, of those that come first in a turn, is closed before, so that
 * each gets to be that one. */
static void close_all(void)
{
    source_t sources[2 * N_KINDS];
    pal_loop_t *loop = NULL;
    int first, i, n;

    TEST_OK(pal_loop_create(&loop, test_pool()));
    for (first = 0; first < N_KINDS; first++) {
        for (i = 0; i < 2 * N_KINDS; i++) {
            open_source(&sources[i], loop, (kind_t)(i % N_KINDS),
                        i < N_KINDS ? SIGUSR1 : SIGUSR2);
            sources[i].to_close = sources;
            sources[i].n_to_close = 2 * N_KINDS;
        }
        for (i = 0; i < 2 * N_KINDS; i++) {
            if (i % N_KINDS < first) /* kinds that come earlier in a turn */
                close_source(&sources[i]);
            else
                set_off(&sources[i]);
        }
        TEST_OK(pal_loop_step(loop, LIMIT));
        CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
        for (i = n = 0; i < 2 * N_KINDS; i++) {
            n += sources[i].n;
            finish(&sources[i]);
        }
        CU_ASSERT_EQUAL(n, 1);
    }
}

typedef struct poster_t {
    pal_loop_t *loop;
    int n;
} poster_t;

static void post_again(void *baton)
{
    poster_t *poster = baton;

    poster->n++;
    TEST_OK(pal_loop_post(poster->loop, post_again, poster));
}

/* Each source has more to tell all the time, and each is called once a turn:
 * none starves another. */
static void fairness(void)
{
    static const kind_t kinds[] = {WATCH, TIMER, WAKE, SIGNAL};
    source_t sources[4];
    pal_loop_t *loop = NULL;
    poster_t poster = {0};
    int turn, i;

    TEST_OK(pal_loop_create(&loop, test_pool()));
    for (i = 0; i < 4; i++) {
        open_source(&sources[i], loop, kinds[i], SIGUSR1);
        sources[i].is_busy = 1;
        set_off(&sources[i]);
    }
    poster.loop = loop;
    post_again(&poster);
    for (turn = 1; turn <= 50; turn++) {
        TEST_OK(pal_loop_step(loop, LIMIT));
        for (i = 0; i < 4; i++)
            CU_ASSERT_EQUAL(sources[i].n, turn);
        CU_ASSERT_EQUAL(poster.n, turn + 1);
    }
    for (i = 0; i < 4; i++)
        finish(&sources[i]);
}

static const test_case_t cases[] = {
    {"close_other", close_other},
    {"close_both", close_both},
    {"close_all", close_all},
    {"fairness", fairness},
    {NULL, NULL},
};

int main(int argc, char **argv)
{
    int status = child_main(argc, argv);

    return status >= 0 ? status
                       : test_main(argc, argv, "pal_loop_close", cases);
}
