#include "config.h"

#include "child.h"
#include "harness.h"
#include "launch.h"

#include <pal/loop.h>
#include <pal/process.h>

#include <stdlib.h>
#include <string.h>

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

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

static void (*handler_of(int number))(int)
{
    struct sigaction action;

    CU_ASSERT_EQUAL(sigaction(number, NULL, &action), 0);
    return action.sa_handler;
}

static void test_delivery(void)
{
    pal_loop_t *loop = make_loop();
    pal_signal_t *first = NULL, *second = NULL;
    int n_first = 0, n_second = 0;
    int i;

    TEST_OK(pal_signal_create(&first, loop, SIGUSR1, count, &n_first));
    TEST_OK(pal_signal_create(&second, loop, SIGUSR2, count, &n_second));
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    (void)raise(SIGUSR1);
    CU_ASSERT_EQUAL(n_first, 0); /* not in the handler */
    TEST_OK(pal_loop_step(loop, LIMIT));
    CU_ASSERT_EQUAL(n_first, 1);
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    for (i = 0; i < 1000; i++)
        (void)raise(SIGUSR1);
    (void)raise(SIGUSR2);
    TEST_OK(pal_loop_step(loop, LIMIT));
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    CU_ASSERT_EQUAL(n_first, 2);
    CU_ASSERT_EQUAL(n_second, 1);
    /* Raised, then closed: it does not come. */
    (void)raise(SIGUSR1);
    pal_signal_close(&first);
    pal_signal_close(&first);
    CU_ASSERT_PTR_NULL(first);
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    CU_ASSERT_EQUAL(n_first, 2);
    pal_signal_close(&second);
}

static void test_errors(void)
{
    static const int refused[] = {0,       -1,     100000, SIGKILL, SIGSTOP,
                                  SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    pal_loop_t *loop = make_loop();
    pal_signal_t *signal = NULL, *other = NULL;
    apr_status_t rv;
    apr_size_t i;
    int n = 0;

    for (i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        rv = pal_signal_create(&signal, loop, refused[i], count, &n);
        CU_ASSERT_TRUE(APR_STATUS_IS_EINVAL(rv));
    }
    CU_ASSERT_PTR_NULL(signal);
    TEST_OK(pal_signal_create(&signal, loop, SIGUSR1, count, &n));
    rv = pal_signal_create(&other, make_loop(), SIGUSR1, count, &n);
    CU_ASSERT_TRUE(APR_STATUS_IS_EEXIST(rv));
    CU_ASSERT_PTR_NULL(other);
    pal_signal_close(&signal);
    TEST_OK(pal_signal_create(&other, loop, SIGUSR1, count, &n));
    pal_signal_close(&other);
}

static void ignore(int number)
{
    (void)number;
}

static void test_restored(void)
{
    pal_loop_t *loop = make_loop();
    pal_signal_t *source = NULL;
    int n = 0;

    TEST_OK(pal_signal_create(&source, loop, SIGUSR1, count, &n));
    CU_ASSERT_TRUE(handler_of(SIGUSR1) != SIG_DFL);
    pal_signal_close(&source);
    CU_ASSERT_TRUE(handler_of(SIGUSR1) == SIG_DFL);

    (void)signal(SIGUSR1, ignore);
    TEST_OK(pal_signal_create(&source, loop, SIGUSR1, count, &n));
    CU_ASSERT_TRUE(handler_of(SIGUSR1) != ignore);
    pal_signal_close(&source);
    CU_ASSERT_TRUE(handler_of(SIGUSR1) == ignore);

    /* Whoever has replaced it meanwhile keeps it. */
    (void)signal(SIGUSR1, SIG_DFL);
    TEST_OK(pal_signal_create(&source, loop, SIGUSR1, count, &n));
    (void)signal(SIGUSR1, ignore);
    pal_signal_close(&source);
    CU_ASSERT_TRUE(handler_of(SIGUSR1) == ignore);
    (void)signal(SIGUSR1, SIG_DFL);
}

typedef struct storm_t {
    int n;
} storm_t;

static void *run_storm(void *baton)
{
    storm_t *storm = baton;
    int i;

    for (i = 0; i < storm->n; i++)
        (void)kill(getpid(), SIGUSR1);
    return NULL;
}

/* It wakes a loop that sleeps, from whatever thread it comes to. */
static void test_wakes_loop(void)
{
    pal_loop_t *loop = make_loop();
    pal_signal_t *source = NULL;
    pthread_t thread;
    storm_t storm;
    int n = 0;
    int i;

    TEST_OK(pal_signal_create(&source, loop, SIGUSR1, count, &n));
    storm.n = 1;
    for (i = 0; i < test_scale(1000); i++) {
        n = 0;
        CU_ASSERT_EQUAL(pthread_create(&thread, NULL, run_storm, &storm), 0);
        TEST_OK(pal_loop_run_until(loop, is_set, &n, LIMIT));
        CU_ASSERT_EQUAL(pthread_join(thread, NULL), 0);
    }
    pal_signal_close(&source);
}

/* Made and closed while signals come to all threads. Those that come in
 * between are for the handler that was there before. */
static void test_storm(void)
{
    pal_loop_t *loop = make_loop();
    pal_signal_t *source = NULL;
    pthread_t threads[2];
    storm_t storm;
    int n = 0;
    int i;

    (void)signal(SIGUSR1, ignore);
    storm.n = test_scale(20000);
    for (i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(pthread_create(&threads[i], NULL, run_storm, &storm),
                        0);
    for (i = 0; i < test_scale(2000); i++) {
        TEST_OK(pal_signal_create(&source, loop, SIGUSR1, count, &n));
        (void)raise(SIGUSR1);
        TEST_OK(pal_loop_step(loop, LIMIT));
        pal_signal_close(&source);
    }
    for (i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(pthread_join(threads[i], NULL), 0);
    CU_ASSERT_TRUE(n >= test_scale(2000));
    (void)signal(SIGUSR1, SIG_DFL);
}

/* A child starts without the handler: the signal ends it, and nothing comes
 * here. */
static void test_launch(void)
{
    pal_loop_t *loop = make_loop();
    pal_command_t *command = launch_command("echo");
    pal_signal_t *source = NULL;
    pal_process_t *process;
    pal_handle_t ends[2];
    int n = 0;

    TEST_OK(pal_signal_create(&source, loop, SIGUSR1, count, &n));
    CU_ASSERT_STRING_EQUAL(launch_output(launch_command("signals")),
                           "SigBlk:\t0000000000000000\n"
                           "SigIgn:\t0000000000000000\n");
    TEST_OK(pal_handle_pipe(ends));
    TEST_OK(pal_command_handle_add(command, ends[0], 0));
    process = launch_start(command);
    TEST_OK(pal_process_signal(process, SIGUSR1));
    CU_ASSERT_EQUAL(launch_finish(process), -SIGUSR1);
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    CU_ASSERT_EQUAL(n, 0);
    pal_handle_close(&ends[0]);
    pal_handle_close(&ends[1]);
    pal_signal_close(&source);
}

/* What comes to a copy of this process made by fork is not for this one. */
static void test_fork(void)
{
    pal_loop_t *loop = make_loop();
    pal_signal_t *source = NULL;
    int n = 0, status = -1;
    pid_t pid;

    TEST_OK(pal_signal_create(&source, loop, SIGUSR1, count, &n));
    pid = fork();
    CU_ASSERT_TRUE_FATAL(pid >= 0);
    if (pid == 0) {
        (void)raise(SIGUSR1);
        _exit(7);
    }
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    CU_ASSERT_EQUAL(n, 0);
    pal_signal_close(&source);
}

static const test_case_t cases[] = {
    {"delivery", test_delivery}, {"errors", test_errors},
    {"restored", test_restored}, {"wakes_loop", test_wakes_loop},
    {"storm", test_storm},       {"launch", test_launch},
    {"fork", test_fork},         {NULL, NULL},
};

int main(int argc, char **argv)
{
    int status = child_main(argc, argv);

    return status >= 0 ? status : test_main(argc, argv, "pal_signal", cases);
}
