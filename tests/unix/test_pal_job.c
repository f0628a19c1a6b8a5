#include "config.h"

#include "filter.h"
#include "job_rig.h"

#include "harness.h"

#include <pal/pal.h>

#include <apr_general.h>

#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PATIENCE = 10000 };

#ifndef SYS_clone3
#    define SYS_clone3 435
#endif

/* Most cases have a child do what process 1 is not made for, or need pids as
 * they are outside: namespaces are tested by test_pal_job_namespaces. */
static const int ways[] = {PAL_JOB_GROUPS, PAL_JOB_CGROUP};

enum { N_WAYS = sizeof(ways) / sizeof(ways[0]) };

static void life_by(int way)
{
    pal_process_t *processes[3];
    int round, i;

    if (!job_rig_set_up(way))
        return;
    CU_ASSERT_EQUAL(job_rig_count(), 0);
    TEST_OK(pal_job_wait(job_rig.job, 0));
    TEST_OK(pal_job_wait(job_rig.job, -1));
    TEST_OK(pal_job_kill(job_rig.job));
    for (round = 0; round < 2; round++) {
        for (i = 0; i < 3; i++)
            processes[i] = job_rig_start(job_rig.job, JOB_STAY);
        CU_ASSERT_EQUAL(job_rig_count(), 3);
        CU_ASSERT_EQUAL(pal_job_wait(job_rig.job, 0), APR_TIMEUP);
        CU_ASSERT_EQUAL(pal_job_wait(job_rig.job, 20000), APR_TIMEUP);
        TEST_OK(pal_process_kill(processes[0]));
        TEST_OK(pal_process_wait(processes[0], -1));
        CU_ASSERT_EQUAL(job_rig_count(), 2);
        TEST_OK(pal_job_kill(job_rig.job));
        /* Before any status is read. */
        TEST_OK(pal_job_wait(job_rig.job, -1));
        CU_ASSERT_EQUAL(job_rig_count(), 0);
        for (i = 0; i < 3; i++) {
            TEST_OK(pal_process_wait(processes[i], -1));
            CU_ASSERT_EQUAL(pal_process_exit_signal(processes[i]), SIGKILL);
            pal_process_close(&processes[i]);
        }
        TEST_OK(pal_job_wait(job_rig.job, 0));
    }
    job_rig_tear_down();
}

static void life(void)
{
    int i;

    for (i = 0; i < N_WAYS; i++)
        life_by(ways[i]);
}

/* What the header says of who is held, and who gets away. */
static int is_held(int way, job_tree_t tree)
{
    return way == PAL_JOB_CGROUP || tree < JOB_SESSION;
}

static void tree_by(int way, job_tree_t tree)
{
    pal_process_t *process;
    int n = job_tree_size(tree), i;

    if (!job_rig_set_up(way))
        return;
    process = job_rig_start(job_rig.job, tree);
    CU_ASSERT_TRUE(job_rig_read_pids(n));
    if (is_held(way, tree)) {
        CU_ASSERT_EQUAL(pal_job_wait(job_rig.job, 0), APR_TIMEUP);
        while (job_rig_count()
               > n) /* the parents of orphans are on their way */
            (void)sched_yield();
        CU_ASSERT_EQUAL(job_rig_count(), n);
    }
    TEST_OK(pal_job_kill(job_rig.job));
    TEST_OK(pal_job_wait(job_rig.job, -1));
    job_rig_finish(process);
    CU_ASSERT_EQUAL(job_rig_count(), 0);
    if (!is_held(way, tree)) {
        for (i = n = 0; i < job_rig.n_pids; i++)
            n += kill(job_rig.pids[i], SIGKILL) == 0;
        CU_ASSERT_EQUAL(n, 1);
    }
    job_rig_tear_down();
}

static void trees(void)
{
    int i, tree;

    for (i = 0; i < N_WAYS; i++)
        for (tree = 0; tree < JOB_N_TREES; tree++)
            tree_by(ways[i], (job_tree_t)tree);
}

/* A child that has ended, and what it started has not. */
static void wait_for_orphans(void)
{
    pal_process_t *process;
    int i;

    for (i = 0; i < N_WAYS; i++) {
        if (!job_rig_set_up(ways[i]))
            continue;
        process = job_rig_start(job_rig.job, JOB_ORPHAN);
        CU_ASSERT_TRUE(job_rig_read_pids(1));
        job_rig_finish(process);
        CU_ASSERT_EQUAL(job_rig_count(), 1);
        CU_ASSERT_EQUAL(pal_job_wait(job_rig.job, 20000), APR_TIMEUP);
        CU_ASSERT_EQUAL(kill(job_rig.pids[0], SIGKILL), 0);
        TEST_OK(pal_job_wait(job_rig.job, -1));
        job_rig_tear_down();
    }
}

static void close_kills(void)
{
    pal_process_t *process;
    int i;

    for (i = 0; i < N_WAYS; i++) {
        if (!job_rig_set_up(ways[i]))
            continue;
        process = job_rig_start(job_rig.job, JOB_CHILD);
        CU_ASSERT_TRUE(job_rig_read_pids(2));
        job_rig_tear_down();
        pal_job_close(job_rig.job); /* nothing happens */
        TEST_OK(pal_process_wait(process, -1));
        CU_ASSERT_EQUAL(pal_process_exit_signal(process), SIGKILL);
        pal_process_close(&process);
    }
}

static void pool_closes(void)
{
    pal_process_t *process;
    apr_pool_t *pool;
    pal_job_t *job;

    TEST_OK(apr_pool_create(&pool, test_pool()));
    TEST_OK(job_open(&job, PAL_JOB_GROUPS, pool));
    TEST_OK(pal_handle_pipe(job_rig.ends));
    job_rig.n_pids = 0;
    process = job_rig_start(job, JOB_CHILD);
    apr_pool_destroy(pool);
    CU_ASSERT_TRUE(job_rig_read_pids(-1));
    pal_handle_close(&job_rig.ends[0]);
    job_rig_finish(process);
}

static void owner_dies(void)
{
    int i;

    for (i = 0; i < N_WAYS; i++) {
        job_rig_kill_owner(ways[i], 0, job_keeper());
        job_rig_kill_owner(ways[i], JOB_RIG_OWNED, job_keeper());
    }
}

/* Members that are not to die with the parent outlive the job. */
static void outlive(void)
{
    pal_process_t *process;
    pal_job_t *job;

    TEST_OK(pal_handle_pipe(job_rig.ends));
    job_rig.n_pids = 0;
    TEST_OK(pal_job_create(&job, test_pool()));
    TEST_OK(pal_job_ways_set(job, PAL_JOB_GROUPS));
    TEST_OK(pal_job_die_with_parent_set(job, 0));
    TEST_OK(pal_job_open(job));
    CU_ASSERT_EQUAL(pal_job_held(job), PAL_JOB_GROUPS);
    process = job_rig_start(job, JOB_STAY);
    pal_job_close(job);
    CU_ASSERT_EQUAL(pal_process_wait(process, 20000), APR_TIMEUP);
    TEST_OK(pal_process_kill(process));
    job_rig_finish(process);
    CU_ASSERT_TRUE(job_rig_read_pids(-1));
    pal_handle_close(&job_rig.ends[0]);
}

static void opens_once(void)
{
    CU_ASSERT_TRUE_FATAL(job_rig_set_up(PAL_JOB_GROUPS));
    CU_ASSERT_EQUAL(pal_job_open(job_rig.job), APR_EEXIST);
    job_rig_tear_down();
}

static void failed_launch(void)
{
    pal_process_t *process = NULL;
    pal_command_t *command;
    int i;

    for (i = 0; i < N_WAYS; i++) {
        if (!job_rig_set_up(ways[i]))
            continue;
        TEST_OK(pal_command_create(&command, test_pool()));
        TEST_OK(pal_command_program_set(command, "/nonexistent"));
        TEST_OK(pal_command_job_set(command, job_rig.job));
        CU_ASSERT_EQUAL(pal_process_start(&process, command), ENOENT);
        CU_ASSERT_EQUAL(pal_command_failed_step(command), PAL_STEP_EXEC);
        CU_ASSERT_PTR_NULL(process);
        TEST_OK(pal_job_wait(job_rig.job, 0));
        CU_ASSERT_EQUAL(job_rig_count(), 0);
        job_rig_tear_down();
    }
}

/* A session or group that the command asks for is a group of its own too. */
static void own_session(void)
{
    pal_process_t *processes[2] = {NULL, NULL};
    pal_command_t *command;
    int i;

    for (i = 0; i < N_WAYS; i++) {
        if (!job_rig_set_up(ways[i]))
            continue;
        TEST_OK(job_command(&command, job_rig.job, JOB_CHILD, job_rig.ends[1],
                            test_pool()));
        TEST_OK(pal_command_session_set(command, 1));
        TEST_OK(pal_process_start(&processes[0], command));
        TEST_OK(pal_command_session_set(command, 0));
        TEST_OK(pal_command_group_set(command, 0));
        TEST_OK(pal_process_start(&processes[1], command));
        CU_ASSERT_TRUE(job_rig_read_pids(4));
        CU_ASSERT_EQUAL(job_rig_count(), 4);
        TEST_OK(pal_job_kill(job_rig.job));
        TEST_OK(pal_job_wait(job_rig.job, -1));
        job_rig_finish(processes[0]);
        job_rig_finish(processes[1]);
        job_rig_tear_down();
    }
}

/* A child cannot be in two cgroups. */
static void own_cgroup(void)
{
    pal_process_t *process = NULL;
    pal_command_t *command;
    pal_handle_t folder;

    if (!job_rig_set_up(PAL_JOB_CGROUP))
        return;
    TEST_OK(job_command(&command, job_rig.job, JOB_STAY, job_rig.ends[1],
                        test_pool()));
    folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CU_ASSERT_TRUE_FATAL(folder >= 0);
    TEST_OK(pal_command_cgroup_set(command, folder));
    CU_ASSERT_EQUAL(pal_process_start(&process, command), APR_EINVAL);
    CU_ASSERT_EQUAL(pal_command_failed_step(command), PAL_STEP_JOB);
    pal_handle_close(&folder);
    job_rig_tear_down();
}

/* Limits are there where the set-up of the system offers the controllers. */
static void limits(void)
{
    static const apr_uint64_t values[] = {64 << 20, 1, 50};
    pal_process_t *process;
    apr_status_t rv;
    int i;

    CU_ASSERT_TRUE_FATAL(job_rig_set_up(PAL_JOB_GROUPS));
    for (i = PAL_JOB_LIMIT_MEMORY; i <= PAL_JOB_LIMIT_CPU; i++)
        CU_ASSERT_EQUAL(
            pal_job_limit_set(job_rig.job, (pal_job_limit_t)i, values[i]),
            APR_ENOTIMPL);
    CU_ASSERT_EQUAL(pal_job_limit_set(job_rig.job, (pal_job_limit_t)3, 1),
                    APR_EINVAL);
    job_rig_tear_down();
    if (!job_rig_set_up(PAL_JOB_CGROUP))
        return;
    for (i = PAL_JOB_LIMIT_MEMORY; i <= PAL_JOB_LIMIT_CPU; i++) {
        rv = pal_job_limit_set(job_rig.job, (pal_job_limit_t)i, values[i]);
        CU_ASSERT_TRUE(rv == APR_SUCCESS || rv == APR_ENOTIMPL);
        if (rv != APR_SUCCESS || i != PAL_JOB_LIMIT_PROCESSES)
            continue;
        process = job_rig_start(job_rig.job, JOB_ORPHAN);
        TEST_OK(pal_process_wait(process, -1));
        CU_ASSERT_EQUAL(pal_process_exit_code(process), 1); /* no fork */
        pal_process_close(&process);
    }
    job_rig_tear_down();
}

typedef struct watch_t {
    pal_loop_t *loop;
    int n_calls;
    int closes;
} watch_t;

static void on_empty(void *baton, pal_job_t *job)
{
    watch_t *watch = baton;

    CU_ASSERT_PTR_EQUAL(job, job_rig.job);
    watch->n_calls++;
    if (watch->closes)
        pal_job_close(job);
}

static int is_called(void *baton)
{
    return ((watch_t *)baton)->n_calls > 0;
}

static void turn(watch_t *watch)
{
    CU_ASSERT_EQUAL(watch->n_calls, 0);
    TEST_OK(pal_loop_run_until(watch->loop, is_called, watch,
                               PATIENCE * APR_TIME_C(1000)));
    CU_ASSERT_EQUAL(watch->n_calls, 1);
    watch->n_calls = 0;
}

static void watch_by(int way, watch_t *watch)
{
    pal_process_t *process;

    if (!job_rig_set_up(way))
        return;
    watch->closes = 0;
    TEST_OK(pal_job_watch(job_rig.job, watch->loop, on_empty, watch));
    turn(watch); /* empty already */

    process = job_rig_start(job_rig.job, JOB_CHILD);
    CU_ASSERT_TRUE(job_rig_read_pids(2));
    TEST_OK(pal_job_watch(job_rig.job, watch->loop, on_empty, watch));
    CU_ASSERT_EQUAL(pal_job_watch(job_rig.job, watch->loop, on_empty, watch),
                    APR_EEXIST);
    CU_ASSERT_EQUAL(pal_job_wait(job_rig.job, 0), APR_EEXIST);
    CU_ASSERT_EQUAL(pal_loop_run_until(watch->loop, is_called, watch, 20000),
                    APR_TIMEUP);
    TEST_OK(pal_job_watch(job_rig.job, watch->loop, NULL, NULL));
    CU_ASSERT_EQUAL(pal_job_wait(job_rig.job, 0), APR_TIMEUP);

    /* First the child ends, then what it started. */
    TEST_OK(pal_job_watch(job_rig.job, watch->loop, on_empty, watch));
    TEST_OK(pal_process_kill(process));
    CU_ASSERT_EQUAL(pal_loop_run_until(watch->loop, is_called, watch, 20000),
                    APR_TIMEUP);
    job_rig_finish(process);
    TEST_OK(pal_job_kill(job_rig.job));
    watch->closes = 1;
    turn(watch);
    job_rig_tear_down();
}

static void watched(void)
{
    watch_t watch = {NULL, 0, 0};
    int i;

    TEST_OK(pal_loop_create(&watch.loop, test_pool()));
    for (i = 0; i < N_WAYS; i++)
        watch_by(ways[i], &watch);
    pal_loop_destroy(watch.loop);
}

/* More members than are kept without a look at who has ended. */
static void many(void)
{
    int n = test_scale(300), way, i;
    pal_process_t *process;

    for (way = 0; way < N_WAYS; way++) {
        if (!job_rig_set_up(ways[way]))
            continue;
        process = job_rig_start(job_rig.job, JOB_STAY);
        CU_ASSERT_TRUE(job_rig_read_pids(1));
        for (i = 1; i < n; i++) {
            pal_process_t *brief = job_rig_start(job_rig.job, JOB_ORPHAN);

            CU_ASSERT_TRUE_FATAL(job_rig_read_pids(i + 1));
            if (i % 2 == 0)
                CU_ASSERT_EQUAL(kill(job_rig.pids[i], SIGKILL), 0);
            job_rig_finish(brief);
        }
        TEST_OK(pal_job_kill(job_rig.job));
        TEST_OK(pal_job_wait(job_rig.job, -1));
        job_rig_finish(process);
        job_rig_tear_down();
    }
}

enum { N_THREADS = 6, N_EACH = 20 };

typedef struct thread_t {
    pthread_t thread;
    pal_process_t *processes[N_EACH];
    int n_started;
} thread_t;

static void *launch_some(void *arg)
{
    thread_t *thread = arg;
    pal_command_t *command;
    apr_pool_t *pool;
    int i, n, counted;

    if (apr_pool_create(&pool, NULL) != APR_SUCCESS)
        return NULL;
    n = test_scale(N_EACH * 10);
    if (n > N_EACH)
        n = N_EACH;
    if (job_command(&command, job_rig.job, JOB_CHILD, job_rig.ends[1], pool)
        == APR_SUCCESS)
        for (i = 0; i < n; i++) {
            if (pal_process_start(&thread->processes[thread->n_started],
                                  command)
                != APR_SUCCESS)
                break;
            thread->n_started++;
            (void)pal_job_count(job_rig.job, &counted);
            if (i % 5 == 0)
                (void)pal_job_kill(job_rig.job);
        }
    apr_pool_destroy(pool);
    return NULL;
}

static void threads(void)
{
    static thread_t team[N_THREADS];
    int way, i, k;

    for (way = 0; way < N_WAYS; way++) {
        if (!job_rig_set_up(ways[way]))
            continue;
        memset(team, 0, sizeof(team));
        for (i = 0; i < N_THREADS; i++)
            CU_ASSERT_EQUAL_FATAL(
                pthread_create(&team[i].thread, NULL, launch_some, &team[i]),
                0);
        for (i = 0; i < N_THREADS; i++)
            CU_ASSERT_EQUAL(pthread_join(team[i].thread, NULL), 0);
        TEST_OK(pal_job_kill(job_rig.job));
        TEST_OK(pal_job_wait(job_rig.job, -1));
        CU_ASSERT_TRUE(job_rig_read_pids(-1));
        for (i = 0; i < N_THREADS; i++) {
            CU_ASSERT_TRUE(team[i].n_started > 0);
            for (k = 0; k < team[i].n_started; k++)
                job_rig_finish(team[i].processes[k]);
        }
        job_rig_tear_down();
    }
}

/* Launch a member where nobody can write, so neither to cgroup.procs. Returns
 * what failed, and leaves the member to the keeper. */
static int launch_without_writing(void)
{
    pal_process_t *process;
    pal_command_t *command;
    apr_pool_t *pool;
    pal_job_t *job;
    int n = 0;

    if (apr_initialize() != APR_SUCCESS
        || apr_pool_create(&pool, NULL) != APR_SUCCESS
        || job_open(&job, PAL_JOB_CGROUP, pool) != APR_SUCCESS
        || pal_command_create(&command, pool) != APR_SUCCESS
        || pal_command_search_set(command, "sleep") != APR_SUCCESS
        || pal_command_arg_add(command, "1000") != APR_SUCCESS
        || pal_command_job_set(command, job) != APR_SUCCESS
        || !filter_call(SYS_write, 0, EXDEV))
        return 1;
    if (pal_process_start(&process, command) != APR_SUCCESS)
        return 2;
    if (pal_job_count(job, &n) != APR_SUCCESS || n != 1)
        return 3;
    return 0;
}

/* Is clone3 made use of here, and not refused to all by a sandbox? */
static int has_clone3(void)
{
#if defined(__x86_64__) && !defined(__ILP32__)
    return !test_in_valgrind() && syscall(SYS_clone3, NULL, 0L) < 0
           && errno == EINVAL;
#else
    return 0;
#endif
}

static void do_nothing(const char *path)
{
    (void)path;
}

/* Members are made in the cgroup rather than moved there. */
static void born_in_cgroup(void)
{
    static char *args[] = {"test_pal_job", "born", NULL};

    if (!has_clone3() || !job_rig_set_up(PAL_JOB_CGROUP))
        return;
    job_rig_tear_down();
    job_rig_run_again(do_nothing, args);
}

static void ordinary_user(void)
{
    static char *args[] = {"test_pal_job", NULL};

    job_rig_run_as_nobody(args);
}

static void lose_pidfds(const char *path)
{
    (void)path;
    if (!filter_call(SYS_close_range, 0, ENOSYS)
        || !filter_call(SYS_clone, CLONE_VFORK, ENOSYS)
        || !filter_set("pidfd", ENOSYS))
        _exit(1);
}

/* Linux before 5.3: members are numbers, and the keeper looks who its parent
 * is. */
static void no_pidfds(void)
{
    static char *args[] = {"test_pal_job", "life",       "trees",   "watched",
                           "close_kills",  "owner_dies", "threads", NULL};

    if (!test_in_valgrind())
        job_rig_run_again(lose_pidfds, args);
}

/* Built without what holds a job. */
static void unavailable(void)
{
    pal_job_t *job;
    size_t i;

    TEST_OK(pal_job_create(&job, test_pool()));
    for (i = 0; i < N_WAYS; i++) {
        TEST_OK(pal_job_ways_set(job, ways[i]));
        CU_ASSERT_EQUAL(pal_job_open(job), APR_ENOTIMPL);
        CU_ASSERT_EQUAL(pal_job_held(job), 0);
    }
    TEST_OK(pal_job_keeper_set(job, NULL));
    TEST_OK(pal_job_die_with_parent_set(job, 0));
}

static const test_case_t portable_cases[] = {{"unavailable", unavailable},
                                             {NULL, NULL}};

static const test_case_t cases[] = {{"life", life},
                                    {"trees", trees},
                                    {"wait_for_orphans", wait_for_orphans},
                                    {"close_kills", close_kills},
                                    {"pool_closes", pool_closes},
                                    {"owner_dies", owner_dies},
                                    {"outlive", outlive},
                                    {"opens_once", opens_once},
                                    {"failed_launch", failed_launch},
                                    {"own_session", own_session},
                                    {"own_cgroup", own_cgroup},
                                    {"limits", limits},
                                    {"watched", watched},
                                    {"many", many},
                                    {"threads", threads},
                                    {"born_in_cgroup", born_in_cgroup},
                                    {"ordinary_user", ordinary_user},
                                    {"no_pidfds", no_pidfds},
                                    {NULL, NULL}};

int main(int argc, char **argv)
{
    job_role(argc, argv);
    if (argc == 2 && strcmp(argv[1], "born") == 0)
        _exit(launch_without_writing());
    return test_main(argc, argv, "pal job",
                     job_is_built() ? cases : portable_cases);
}
