#include "config.h"

#include "child.h"
#include "launch.h"

#include "harness.h"

#include <pal/pal.h>

#include <apr_general.h>
#include <apr_strings.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void write_byte(pal_handle_t handle, char byte)
{
    CU_ASSERT_EQUAL_FATAL(write((int)handle, &byte, 1), 1);
}

/* A byte, or 0 at the end. */
static char read_byte(pal_handle_t handle)
{
    char byte = 0;

    CU_ASSERT_FATAL(read((int)handle, &byte, 1) >= 0);
    return byte;
}

/* A child that lives until its stdin, *ret_input, is closed. */
static pal_process_t *start_living(pal_handle_t *ret_input)
{
    pal_command_t *command = launch_command("echo");
    pal_handle_t ends[2];
    pal_process_t *process;

    TEST_OK(pal_handle_pipe(ends));
    TEST_OK(pal_command_handle_add(command, ends[0], 0));
    process = launch_start(command);
    pal_handle_close(&ends[0]);
    *ret_input = ends[1];
    return process;
}

static void exit_status(void)
{
    pal_command_t *command;
    pal_process_t *process;
    pal_handle_t input;

    CU_ASSERT_EQUAL(
        launch_finish(launch_start(launch_command_with("exit", "0"))), 0);
    CU_ASSERT_EQUAL(
        launch_finish(launch_start(launch_command_with("exit", "7"))), 7);
    CU_ASSERT_EQUAL(
        launch_finish(launch_start(launch_command_with("exit", "255"))), 255);
    command = launch_command_with("die", launch_number(SIGTERM));
    CU_ASSERT_EQUAL(launch_finish(launch_start(command)), -SIGTERM);

    process = start_living(&input);
    CU_ASSERT_TRUE(pal_process_pid(process) > 0);
    CU_ASSERT_FALSE(pal_process_has_ended(process));
    CU_ASSERT_EQUAL(pal_process_exit_code(process), -1);
    CU_ASSERT_EQUAL(pal_process_exit_signal(process), 0);
    TEST_OK(pal_process_abort(process));
    TEST_OK(pal_process_wait(process, -1));
    CU_ASSERT_EQUAL(pal_process_exit_code(process), -1);
    CU_ASSERT_EQUAL(pal_process_exit_signal(process), SIGABRT);
    TEST_OK(pal_process_abort(process)); /* nothing happens */
    TEST_OK(pal_process_wait(process, -1));
    pal_process_close(&process);
    pal_process_close(&process);
    pal_handle_close(&input);
}

static void core_dump(void)
{
    pal_command_t *command =
        launch_command_with("die", launch_number(SIGABRT));
    pal_process_t *process;

    TEST_OK(pal_command_limit_set(command, PAL_LIMIT_CORE, 0));
    TEST_OK(pal_command_folder_set(command, test_dir()));
    process = launch_start(command);
    TEST_OK(pal_process_wait(process, -1));
    CU_ASSERT_EQUAL(pal_process_exit_signal(process), SIGABRT);
    /* With a limit of 0 a core can only go to a program. */
    if (pal_process_dumped_core(process)) {
        char pattern[2] = "";
        int fd = open("/proc/sys/kernel/core_pattern", O_RDONLY | O_CLOEXEC);

        CU_ASSERT_EQUAL(read(fd, pattern, 1), 1);
        CU_ASSERT_STRING_EQUAL(pattern, "|");
        close(fd);
    }
    pal_process_close(&process);
}

static void waits_with_timeout(void)
{
    pal_handle_t input;
    pal_process_t *process = start_living(&input);
    apr_time_t begin = apr_time_now();

    CU_ASSERT_EQUAL(pal_process_wait(process, 0), APR_TIMEUP);
    CU_ASSERT_EQUAL(pal_process_wait(process, 20500), APR_TIMEUP);
    CU_ASSERT_TRUE(apr_time_now() - begin >= 20000);
    CU_ASSERT_FALSE(pal_process_has_ended(process));
    pal_handle_close(&input);
    TEST_OK(pal_process_wait(process, 20 * APR_USEC_PER_SEC));
    CU_ASSERT_EQUAL(pal_process_exit_code(process), 0);
    TEST_OK(pal_process_wait(process, 0));
    pal_process_close(&process);
}

/* Closing a process whose end nobody asked for leaves no zombie either. */
static void close_without_wait(void)
{
    pal_process_t *process = launch_start(launch_command_with("exit", "1"));
    pid_t pid = (pid_t)pal_process_pid(process);
    siginfo_t info;

    CU_ASSERT_EQUAL(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    pal_process_close(&process);
    CU_ASSERT_EQUAL(kill(pid, 0), -1);
}

static int n_open(void)
{
    int fd, n = 0;

    for (fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* A child closed while it runs goes on. */
static void close_running(void)
{
    int n_before = n_open();
    pal_handle_t input;
    pal_process_t *process = start_living(&input);
    pid_t pid = (pid_t)pal_process_pid(process);
    int status;

    pal_process_close(&process);
    CU_ASSERT_EQUAL(kill(pid, 0), 0);
    pal_handle_close(&input);
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_EQUAL(status, 0);
    /* Without pidfd a thread of pal waits too, and then lets go of a pipe. */
    while (n_open() > n_before)
        sched_yield();
}

static void ignored_sigchld(void)
{
    pal_process_t *process;

    signal(SIGCHLD, SIG_IGN);
    process = launch_start(launch_command_with("exit", "3"));
    TEST_OK(pal_process_wait(process, 20 * APR_USEC_PER_SEC));
    signal(SIGCHLD, SIG_DFL);
    CU_ASSERT_TRUE(pal_process_has_ended(process));
    CU_ASSERT_EQUAL(pal_process_exit_code(process), -1);
    CU_ASSERT_EQUAL(pal_process_exit_signal(process), 0);
    TEST_OK(pal_process_kill(process));
    pal_process_close(&process);
}

/* Counts its calls and, if asked to, closes the process. */
typedef struct watcher_t {
    int n_calls;
    int wanted;
    int closes;
    int n_bad;
} watcher_t;

static void on_end(void *baton, pal_process_t *process)
{
    watcher_t *watcher = baton;

    watcher->n_calls++;
    watcher->n_bad += !pal_process_has_ended(process);
    if (watcher->closes) {
        watcher->n_bad += pal_process_exit_code(process) < 0;
        pal_process_close(&process);
    }
}

static int all_called(void *baton)
{
    watcher_t *watcher = baton;

    return watcher->n_calls >= watcher->wanted;
}

static void watch_on_loop(void)
{
    watcher_t watcher = {0, 1, 0, 0};
    pal_handle_t input;
    pal_process_t *process = start_living(&input);
    pal_loop_t *loop;

    TEST_OK(pal_loop_create(&loop, test_pool()));
    TEST_OK(pal_process_watch(process, loop, on_end, &watcher));
    CU_ASSERT_EQUAL(pal_process_watch(process, loop, on_end, &watcher),
                    APR_EEXIST);
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    TEST_OK(pal_process_watch(process, loop, NULL, NULL));
    TEST_OK(pal_process_watch(process, loop, NULL, NULL));
    TEST_OK(pal_process_watch(process, loop, on_end, &watcher));
    pal_handle_close(&input);
    TEST_OK(pal_loop_run_until(loop, all_called, &watcher, -1));
    CU_ASSERT_EQUAL(watcher.n_calls, 1);
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);

    /* After the end: later, once, and the callback may close. */
    watcher.wanted = 2;
    watcher.closes = 1;
    TEST_OK(pal_process_watch(process, loop, on_end, &watcher));
    CU_ASSERT_EQUAL(watcher.n_calls, 1);
    TEST_OK(pal_loop_run_until(loop, all_called, &watcher, -1));
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    CU_ASSERT_EQUAL(watcher.n_calls, 2);
    CU_ASSERT_EQUAL(watcher.n_bad, 0);
    pal_loop_destroy(loop);
}

static void closed_watch(void)
{
    watcher_t watcher = {0, 1, 0, 0};
    pal_process_t *process = launch_start(launch_command_with("exit", "0"));
    pal_loop_t *loop;

    TEST_OK(pal_loop_create(&loop, test_pool()));
    TEST_OK(pal_process_watch(process, loop, on_end, &watcher));
    TEST_OK(pal_process_wait(process, -1));
    pal_process_close(&process);
    CU_ASSERT_EQUAL(pal_loop_step(loop, 0), APR_TIMEUP);
    CU_ASSERT_EQUAL(watcher.n_calls, 0);
    pal_loop_destroy(loop);
}

/* Many at once, each with its status. */
typedef struct crowd_t {
    watcher_t watcher;
    pal_process_t *process[32];
    int code[32];
} crowd_t;

static void on_crowd_end(void *baton, pal_process_t *process)
{
    crowd_t *crowd = baton;
    int i;

    for (i = 0; i < 32 && crowd->process[i] != process; i++)
        continue;
    crowd->watcher.n_calls++;
    crowd->watcher.n_bad +=
        i == 32 || pal_process_exit_code(process) != crowd->code[i];
    if (i < 32)
        pal_process_close(&crowd->process[i]);
}

static void crowds(void)
{
    int n = test_scale(20), round, i;
    pal_loop_t *loop;
    crowd_t crowd;

    TEST_OK(pal_loop_create(&loop, test_pool()));
    for (round = 0; round < n; round++) {
        memset(&crowd, 0, sizeof(crowd));
        crowd.watcher.wanted = 32;
        for (i = 0; i < 32; i++) {
            crowd.code[i] = (round * 32 + i) % 251;
            crowd.process[i] = launch_start(
                launch_command_with("exit", launch_number(crowd.code[i])));
            TEST_OK(pal_process_watch(crowd.process[i], loop, on_crowd_end,
                                      &crowd));
        }
        TEST_OK(pal_loop_run_until(loop, all_called, &crowd.watcher, -1));
        CU_ASSERT_EQUAL(crowd.watcher.n_bad, 0);
        CU_ASSERT_EQUAL(crowd.watcher.n_calls, 32);
    }
    pal_loop_destroy(loop);
}

static void *kill_it(void *process)
{
    return pal_process_kill(process) == APR_SUCCESS ? process : NULL;
}

static void kill_from_thread(void)
{
    int n = test_scale(40), i;
    pal_process_t *process;
    pal_handle_t input;
    pthread_t thread;
    void *result;

    for (i = 0; i < n; i++) {
        process = start_living(&input);
        CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, kill_it, process),
                              0);
        TEST_OK(pal_process_wait(process, -1));
        pthread_join(thread, &result);
        CU_ASSERT_PTR_EQUAL(result, process);
        CU_ASSERT_EQUAL(pal_process_exit_signal(process), SIGKILL);
        pal_process_close(&process);
        pal_handle_close(&input);
    }
}

typedef struct launches_t {
    apr_pool_t *pool;
    int n, n_bad;
} launches_t;

static void *launch_some(void *arg)
{
    launches_t *launches = arg;
    pal_command_t *command;
    pal_process_t *process;
    char code[8];
    int i;

    for (i = 0; i < launches->n; i++) {
        apr_snprintf(code, sizeof(code), "%d", i % 256);
        if (pal_command_create(&command, launches->pool) != APR_SUCCESS
            || pal_command_self_set(command) != APR_SUCCESS
            || pal_command_arg_add(command, "exit") != APR_SUCCESS
            || pal_command_arg_add(command, code) != APR_SUCCESS
            || pal_command_die_with_parent_set(command, i % 4) != APR_SUCCESS
            || pal_process_start(&process, command) != APR_SUCCESS) {
            launches->n_bad++;
            continue;
        }
        launches->n_bad += pal_process_wait(process, -1) != APR_SUCCESS
                           || pal_process_exit_code(process) != i % 256;
        pal_process_close(&process);
    }
    return NULL;
}

static void launches_from_threads(void)
{
    launches_t launches[4];
    pthread_t threads[4];
    int i;

    for (i = 0; i < 4; i++) {
        launches[i].n = test_scale(100);
        launches[i].n_bad = 0;
        apr_pool_create_unmanaged_ex(&launches[i].pool, NULL, NULL);
        pthread_create(&threads[i], NULL, launch_some, &launches[i]);
    }
    for (i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        CU_ASSERT_EQUAL(launches[i].n_bad, 0);
        apr_pool_destroy(launches[i].pool);
    }
}

/* Kill a parent and see what becomes of its child, which answers on a pipe of
 * ours. */
static void kill_parent(const char *on, const char *where)
{
    pal_command_t *command = launch_command_with("parent", on);
    pal_handle_t to[2], from[2], ready[2];
    pal_process_t *parent;

    TEST_OK(pal_command_arg_add(command, where));
    TEST_OK(pal_handle_pipe(to));
    TEST_OK(pal_handle_pipe(from));
    TEST_OK(pal_handle_pipe(ready));
    TEST_OK(pal_command_handle_add(command, to[0], 0));
    TEST_OK(pal_command_handle_add(command, ready[1], 1));
    TEST_OK(pal_command_handle_add(command, from[1], 3));
    parent = launch_start(command);
    pal_handle_close(&to[0]);
    pal_handle_close(&from[1]);
    pal_handle_close(&ready[1]);
    CU_ASSERT_EQUAL(read_byte(ready[0]), 'r');
    write_byte(to[1], 'a'); /* alive, also if its thread has ended */
    CU_ASSERT_EQUAL(read_byte(from[0]), 'a');

    TEST_OK(pal_process_kill(parent));
    CU_ASSERT_EQUAL(launch_finish(parent), -SIGKILL);
    if (strcmp(on, "0") == 0 || !test_is_native()) {
        write_byte(to[1], 'b');
        CU_ASSERT_EQUAL(read_byte(from[0]), 'b');
        pal_handle_close(&to[1]);
    }
    CU_ASSERT_EQUAL(read_byte(from[0]), 0);
    pal_handle_close(&to[1]);
    pal_handle_close(&from[0]);
    pal_handle_close(&ready[0]);
}

static void dies_with_parent(void)
{
    kill_parent("1", "main");
    kill_parent("1", "thread");
}

static void outlives_parent(void)
{
    kill_parent("0", "main");
    kill_parent("0", "thread");
}

#define NEED(condition) need((condition), #condition, __LINE__)
static void need(int holds, const char *condition, int line)
{
    if (!holds) {
        printf("line %d: %s, errno %d\n", line, condition, errno);
        fflush(stdout);
        _exit(1);
    }
}

static int count_handles(void)
{
    int fd, n = 0;

    for (fd = 0; fd < 100; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* Bytes of address space that this process has. */
static rlim_t space_used(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    NEED(file != NULL && fscanf(file, "%lu", &pages) == 1);
    fclose(file);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

/* Launches with ever more room, until one succeeds: none of those before may
 * have run its program, which says "x". What stands in a limit of the command
 * is the child's. */
static int run_crammed(void)
{
    pal_command_t *command;
    pal_process_t *process = NULL;
    int n_handles = count_handles(), n_failed = 0;
    apr_pool_t *pool;
    struct rlimit old, limit;
    apr_status_t rv;

    NEED(apr_initialize() == APR_SUCCESS);
    NEED(apr_pool_create(&pool, NULL) == APR_SUCCESS);
    NEED(pal_command_create(&command, pool) == APR_SUCCESS);
    NEED(pal_command_search_set(command, "echo") == APR_SUCCESS);
    NEED(pal_command_arg_add(command, "x") == APR_SUCCESS);
    NEED(
        pal_command_limit_set(command, PAL_LIMIT_MEMORY, (apr_uint64_t)1 << 40)
        == APR_SUCCESS);
    NEED(pal_command_stdio_set(command, 0, PAL_STDIO_PIPE) == APR_SUCCESS);
    NEED(getrlimit(RLIMIT_AS, &old) == 0);
    limit = old;
    limit.rlim_cur = space_used();
    for (;;) {
        NEED(setrlimit(RLIMIT_AS, &limit) == 0);
        rv = pal_process_start(&process, command);
        NEED(setrlimit(RLIMIT_AS, &old) == 0);
        if (rv == APR_SUCCESS)
            break;
        NEED((rv == APR_ENOMEM || rv == EAGAIN) && ++n_failed < 100);
        NEED(pal_command_failed_step(command) == PAL_STEP_PREPARE
             || pal_command_failed_step(command) == PAL_STEP_CLONE);
        NEED(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
        NEED(count_handles() == n_handles);
        limit.rlim_cur += 16 << 10;
    }
    NEED(n_failed > 0);
    NEED(pal_process_wait(process, -1) == APR_SUCCESS);
    NEED(pal_process_exit_code(process) == 0);
    pal_process_close(&process);
    fputs("as it should", stdout);
    return 0;
}

static void without_memory(void)
{
    /* Sanitizers and valgrind have more than anyone would allow. */
    if (!test_in_sanitizer() && !test_in_valgrind())
        CU_ASSERT_STRING_EQUAL(launch_output(launch_command("crammed")),
                               "x\nas it should");
}

static const test_case_t cases[] = {
    {"exit_status", exit_status},
    {"core_dump", core_dump},
    {"waits_with_timeout", waits_with_timeout},
    {"close_without_wait", close_without_wait},
    {"close_running", close_running},
    {"ignored_sigchld", ignored_sigchld},
    {"watch_on_loop", watch_on_loop},
    {"closed_watch", closed_watch},
    {"crowds", crowds},
    {"kill_from_thread", kill_from_thread},
    {"launches_from_threads", launches_from_threads},
    {"dies_with_parent", dies_with_parent},
    {"outlives_parent", outlives_parent},
    {"without_memory", without_memory},
    {NULL, NULL},
};

int main(int argc, char **argv)
{
    int code;

    if (argc == 2 && strcmp(argv[1], "crammed") == 0)
        return run_crammed();
    code = child_main(argc, argv);
    return code >= 0 ? code : test_main(argc, argv, "pal process", cases);
}
