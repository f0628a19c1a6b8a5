#include "config.h"

#include "job_tree.h"

#include "harness.h"

#include <pal/pal.h>

#include <apr_general.h>
#include <apr_strings.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_PIDS = 1024, PATIENCE = 10000, NOBODY = 65534 };

static const int ways[] = {PAL_JOB_GROUPS, PAL_JOB_CGROUP};

enum { N_WAYS = sizeof(ways) / sizeof(ways[0]) };

/* A job with the pipe of its processes. */
typedef struct rig_t {
    pal_job_t *job;
    pal_handle_t ends[2];
    pid_t pids[MAX_PIDS]; /* of those who said so */
    int n_pids;
} rig_t;

static rig_t rig;

/* Open one; 0 if this way is not to be had, which is the documented status. */
static int set_up(int way)
{
    apr_status_t rv = job_open(&rig.job, way, test_pool());

    if (rv == APR_ENOTIMPL && way == PAL_JOB_CGROUP)
        return 0;
    TEST_OK(rv);
    CU_ASSERT_EQUAL(pal_job_held(rig.job), way | PAL_JOB_KEEPER);
    TEST_OK(pal_handle_pipe(rig.ends));
    rig.n_pids = 0;
    return 1;
}

static pal_process_t *start(pal_job_t *job, job_tree_t tree)
{
    pal_process_t *process = NULL;
    pal_command_t *command;

    TEST_OK(job_command(&command, job, tree, rig.ends[1], test_pool()));
    TEST_OK(pal_process_start(&process, command));
    return process;
}

static void finish(pal_process_t *process)
{
    TEST_OK(pal_process_wait(process, -1));
    pal_process_close(&process);
}

/* Read pids until there are `n` or, with -1, until the end: everyone is dead.
 * Returns whether it came to that. */
static int read_pids(int n)
{
    struct pollfd fd;
    ssize_t len;

    if (n < 0)
        pal_handle_close(&rig.ends[1]);
    fd.fd = (int)rig.ends[0];
    fd.events = POLLIN;
    while (n < 0 || rig.n_pids < n) {
        if (rig.n_pids == MAX_PIDS || poll(&fd, 1, PATIENCE) != 1)
            return 0;
        len = read(fd.fd, &rig.pids[rig.n_pids], sizeof(pid_t));
        if (len == 0)
            return n < 0;
        rig.n_pids += len == (ssize_t)sizeof(pid_t);
    }
    return 1;
}

static void tear_down(void)
{
    pal_job_close(rig.job);
    CU_ASSERT_EQUAL(pal_job_held(rig.job), 0);
    CU_ASSERT_TRUE(read_pids(-1));
    pal_handle_close(&rig.ends[0]);
}

static int count(void)
{
    int n = -1;

    TEST_OK(pal_job_count(rig.job, &n));
    return n;
}

static void life_by(int way)
{
    pal_process_t *processes[3];
    int round, i;

    if (!set_up(way))
        return;
    CU_ASSERT_EQUAL(count(), 0);
    TEST_OK(pal_job_wait(rig.job, 0));
    TEST_OK(pal_job_wait(rig.job, -1));
    TEST_OK(pal_job_kill(rig.job));
    for (round = 0; round < 2; round++) {
        for (i = 0; i < 3; i++)
            processes[i] = start(rig.job, JOB_STAY);
        CU_ASSERT_EQUAL(count(), 3);
        CU_ASSERT_EQUAL(pal_job_wait(rig.job, 0), APR_TIMEUP);
        CU_ASSERT_EQUAL(pal_job_wait(rig.job, 20000), APR_TIMEUP);
        TEST_OK(pal_process_kill(processes[0]));
        TEST_OK(pal_process_wait(processes[0], -1));
        CU_ASSERT_EQUAL(count(), 2);
        TEST_OK(pal_job_kill(rig.job));
        /* Before any status is read. */
        TEST_OK(pal_job_wait(rig.job, -1));
        CU_ASSERT_EQUAL(count(), 0);
        for (i = 0; i < 3; i++) {
            TEST_OK(pal_process_wait(processes[i], -1));
            CU_ASSERT_EQUAL(pal_process_exit_signal(processes[i]), SIGKILL);
            pal_process_close(&processes[i]);
        }
        TEST_OK(pal_job_wait(rig.job, 0));
    }
    tear_down();
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

    if (!set_up(way))
        return;
    process = start(rig.job, tree);
    CU_ASSERT_TRUE(read_pids(n));
    if (is_held(way, tree)) {
        CU_ASSERT_EQUAL(pal_job_wait(rig.job, 0), APR_TIMEUP);
        while (count() > n) /* the parents of orphans are on their way */
            (void)sched_yield();
        CU_ASSERT_EQUAL(count(), n);
    }
    TEST_OK(pal_job_kill(rig.job));
    TEST_OK(pal_job_wait(rig.job, -1));
    finish(process);
    CU_ASSERT_EQUAL(count(), 0);
    if (!is_held(way, tree)) {
        for (i = n = 0; i < rig.n_pids; i++)
            n += kill(rig.pids[i], SIGKILL) == 0;
        CU_ASSERT_EQUAL(n, 1);
    }
    tear_down();
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
        if (!set_up(ways[i]))
            continue;
        process = start(rig.job, JOB_ORPHAN);
        CU_ASSERT_TRUE(read_pids(1));
        finish(process);
        CU_ASSERT_EQUAL(count(), 1);
        CU_ASSERT_EQUAL(pal_job_wait(rig.job, 20000), APR_TIMEUP);
        CU_ASSERT_EQUAL(kill(rig.pids[0], SIGKILL), 0);
        TEST_OK(pal_job_wait(rig.job, -1));
        tear_down();
    }
}

static void close_kills(void)
{
    pal_process_t *process;
    int i;

    for (i = 0; i < N_WAYS; i++) {
        if (!set_up(ways[i]))
            continue;
        process = start(rig.job, JOB_CHILD);
        CU_ASSERT_TRUE(read_pids(2));
        tear_down();
        pal_job_close(rig.job); /* nothing happens */
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
    TEST_OK(pal_handle_pipe(rig.ends));
    rig.n_pids = 0;
    process = start(job, JOB_CHILD);
    apr_pool_destroy(pool);
    CU_ASSERT_TRUE(read_pids(-1));
    pal_handle_close(&rig.ends[0]);
    finish(process);
}

/* Kill an owner whose trees are all there, and one at once. */
static void owner_by(int way, int with_keeper)
{
    enum { N = 12 };
    int wanted = with_keeper ? N : 0;
    pal_command_t *command;
    pal_process_t *owner;

    if (!set_up(way))
        return;
    TEST_OK(job_owner_command(&command, way, N, rig.ends[1], test_pool()));
    TEST_OK(pal_process_start(&owner, command));
    CU_ASSERT_TRUE(read_pids(wanted));
    TEST_OK(pal_process_kill(owner));
    CU_ASSERT_TRUE(read_pids(-1));
    TEST_OK(pal_process_wait(owner, -1));
    CU_ASSERT_EQUAL(pal_process_exit_signal(owner), SIGKILL);
    pal_process_close(&owner);
    tear_down();
}

static void owner_dies(void)
{
    int i;

    for (i = 0; i < N_WAYS; i++) {
        owner_by(ways[i], 0);
        owner_by(ways[i], 1);
    }
}

/* The keeper of this process's only job. */
static pid_t find_keeper(void)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    char path[64], stat[256], state;
    int pid, parent, found = 0;
    FILE *file;

    CU_ASSERT_PTR_NOT_NULL_FATAL(proc);
    while ((entry = readdir(proc)) != NULL) {
        snprintf(path, sizeof(path), "/proc/%.20s/stat", entry->d_name);
        file = atoi(entry->d_name) > 0 ? fopen(path, "re") : NULL;
        if (file != NULL
            && fscanf(file, "%d (%255[^)]) %c %d", &pid, stat, &state, &parent)
                   == 4
            && parent == getpid() && strcmp(stat, "pal-keeper") == 0)
            found = pid;
        if (file != NULL)
            fclose(file);
    }
    closedir(proc);
    return found;
}

static void keeper_is_killed(void)
{
    pal_process_t *process, *none = NULL;
    pal_command_t *command;
    pid_t keeper;
    int i;

    for (i = 0; i < N_WAYS; i++) {
        if (!set_up(ways[i]))
            continue;
        process = start(rig.job, JOB_CHILD);
        CU_ASSERT_TRUE(read_pids(2));
        keeper = find_keeper();
        CU_ASSERT_NOT_EQUAL_FATAL(keeper, 0);
        /* What may come to a process of the background is not for it. */
        CU_ASSERT_EQUAL(kill(keeper, SIGTERM), 0);
        CU_ASSERT_EQUAL(kill(keeper, SIGHUP), 0);
        CU_ASSERT_EQUAL(pal_job_wait(rig.job, 20000), APR_TIMEUP);
        CU_ASSERT_EQUAL(pal_job_held(rig.job), ways[i] | PAL_JOB_KEEPER);
        CU_ASSERT_EQUAL(kill(keeper, SIGKILL), 0);
        while ((pal_job_held(rig.job) & PAL_JOB_KEEPER) != 0)
            (void)sched_yield();

        CU_ASSERT_EQUAL(pal_job_held(rig.job), ways[i]);
        TEST_OK(job_command(&command, rig.job, JOB_STAY, rig.ends[1],
                            test_pool()));
        CU_ASSERT_EQUAL(pal_process_start(&none, command), PAL_E_KEEPER);
        CU_ASSERT_EQUAL(pal_command_failed_step(command), PAL_STEP_JOB);
        CU_ASSERT_PTR_NULL(none);
        CU_ASSERT_EQUAL(count(), 2);
        TEST_OK(pal_job_kill(rig.job));
        TEST_OK(pal_job_wait(rig.job, -1));
        finish(process);
        tear_down();
    }
}

static void keeper_is_missing(void)
{
    static const char *const paths[] = {"/nonexistent", "/", "/bin/true"};
    pal_process_t *process;
    pal_job_t *job;
    size_t i;

    TEST_OK(pal_handle_pipe(rig.ends));
    rig.n_pids = 0;
    TEST_OK(pal_job_create(&job, test_pool()));
    for (i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        TEST_OK(pal_job_keeper_set(job, paths[i]));
        CU_ASSERT_EQUAL(pal_job_open(job), PAL_E_KEEPER);
        CU_ASSERT_EQUAL(pal_job_held(job), 0);
    }
    TEST_OK(pal_job_keeper_set(job, NULL));
    TEST_OK(pal_job_ways_set(job, PAL_JOB_GROUPS));
    TEST_OK(pal_job_open(job));
    CU_ASSERT_EQUAL(pal_job_held(job), PAL_JOB_GROUPS);
    process = start(job, JOB_CHILD);
    CU_ASSERT_TRUE(read_pids(2));
    TEST_OK(pal_job_kill(job));
    CU_ASSERT_TRUE(read_pids(-1));
    finish(process);
    pal_job_close(job);
    pal_handle_close(&rig.ends[0]);
}

/* Members that are not to die with the parent outlive the job. */
static void outlive(void)
{
    pal_process_t *process;
    pal_job_t *job;

    TEST_OK(pal_handle_pipe(rig.ends));
    rig.n_pids = 0;
    TEST_OK(pal_job_create(&job, test_pool()));
    TEST_OK(pal_job_ways_set(job, PAL_JOB_GROUPS));
    TEST_OK(pal_job_die_with_parent_set(job, 0));
    TEST_OK(pal_job_open(job));
    CU_ASSERT_EQUAL(pal_job_held(job), PAL_JOB_GROUPS);
    process = start(job, JOB_STAY);
    pal_job_close(job);
    CU_ASSERT_EQUAL(pal_process_wait(process, 20000), APR_TIMEUP);
    TEST_OK(pal_process_kill(process));
    finish(process);
    CU_ASSERT_TRUE(read_pids(-1));
    pal_handle_close(&rig.ends[0]);
}

static void nothing(void *baton, pal_job_t *job)
{
    (void)baton;
    (void)job;
}

static void wrong_use(void)
{
    pal_process_t *process = NULL;
    pal_command_t *command;
    pal_loop_t *loop;
    pal_job_t *job;
    int n = 7;

    TEST_OK(pal_job_create(&job, test_pool()));
    TEST_OK(pal_loop_create(&loop, test_pool()));
    CU_ASSERT_EQUAL(pal_job_ways_set(job, 0), APR_EINVAL);
    CU_ASSERT_EQUAL(pal_job_ways_set(job, PAL_JOB_KEEPER), APR_EINVAL);
    CU_ASSERT_EQUAL(pal_job_held(job), 0);
    CU_ASSERT_EQUAL(pal_job_kill(job), APR_EINVAL);
    CU_ASSERT_EQUAL(pal_job_wait(job, 0), APR_EINVAL);
    CU_ASSERT_EQUAL(pal_job_count(job, &n), APR_EINVAL);
    CU_ASSERT_EQUAL(n, 7);
    CU_ASSERT_EQUAL(pal_job_limit_set(job, PAL_JOB_LIMIT_CPU, 1), APR_EINVAL);
    CU_ASSERT_EQUAL(pal_job_watch(job, loop, nothing, NULL), APR_EINVAL);
    pal_job_close(job);

    TEST_OK(pal_command_create(&command, test_pool()));
    TEST_OK(pal_command_program_set(command, "/bin/true"));
    TEST_OK(pal_command_job_set(command, job));
    CU_ASSERT_EQUAL(pal_process_start(&process, command), APR_EINVAL);
    CU_ASSERT_EQUAL(pal_command_failed_step(command), PAL_STEP_JOB);
    TEST_OK(pal_command_job_set(command, NULL));
    TEST_OK(pal_process_start(&process, command));
    finish(process);
    pal_loop_destroy(loop);
}

static void opens_once(void)
{
    CU_ASSERT_TRUE_FATAL(set_up(PAL_JOB_GROUPS));
    CU_ASSERT_EQUAL(pal_job_open(rig.job), APR_EEXIST);
    tear_down();
}

static void failed_launch(void)
{
    pal_process_t *process = NULL;
    pal_command_t *command;
    int i;

    for (i = 0; i < N_WAYS; i++) {
        if (!set_up(ways[i]))
            continue;
        TEST_OK(pal_command_create(&command, test_pool()));
        TEST_OK(pal_command_program_set(command, "/nonexistent"));
        TEST_OK(pal_command_job_set(command, rig.job));
        CU_ASSERT_EQUAL(pal_process_start(&process, command), ENOENT);
        CU_ASSERT_EQUAL(pal_command_failed_step(command), PAL_STEP_EXEC);
        CU_ASSERT_PTR_NULL(process);
        TEST_OK(pal_job_wait(rig.job, 0));
        CU_ASSERT_EQUAL(count(), 0);
        tear_down();
    }
}

/* A session or group that the command asks for is a group of its own too. */
static void own_session(void)
{
    pal_process_t *processes[2] = {NULL, NULL};
    pal_command_t *command;
    int i;

    for (i = 0; i < N_WAYS; i++) {
        if (!set_up(ways[i]))
            continue;
        TEST_OK(job_command(&command, rig.job, JOB_CHILD, rig.ends[1],
                            test_pool()));
        TEST_OK(pal_command_session_set(command, 1));
        TEST_OK(pal_process_start(&processes[0], command));
        TEST_OK(pal_command_session_set(command, 0));
        TEST_OK(pal_command_group_set(command, 0));
        TEST_OK(pal_process_start(&processes[1], command));
        CU_ASSERT_TRUE(read_pids(4));
        CU_ASSERT_EQUAL(count(), 4);
        TEST_OK(pal_job_kill(rig.job));
        TEST_OK(pal_job_wait(rig.job, -1));
        finish(processes[0]);
        finish(processes[1]);
        tear_down();
    }
}

/* A child cannot be in two cgroups. */
static void own_cgroup(void)
{
    pal_process_t *process = NULL;
    pal_command_t *command;
    pal_handle_t folder;

    if (!set_up(PAL_JOB_CGROUP))
        return;
    TEST_OK(
        job_command(&command, rig.job, JOB_STAY, rig.ends[1], test_pool()));
    folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CU_ASSERT_TRUE_FATAL(folder >= 0);
    TEST_OK(pal_command_cgroup_set(command, folder));
    CU_ASSERT_EQUAL(pal_process_start(&process, command), APR_EINVAL);
    CU_ASSERT_EQUAL(pal_command_failed_step(command), PAL_STEP_JOB);
    pal_handle_close(&folder);
    tear_down();
}

/* Limits are there where the set-up of the system offers the controllers. */
static void limits(void)
{
    static const apr_uint64_t values[] = {64 << 20, 1, 50};
    pal_process_t *process;
    apr_status_t rv;
    int i;

    CU_ASSERT_TRUE_FATAL(set_up(PAL_JOB_GROUPS));
    for (i = PAL_JOB_LIMIT_MEMORY; i <= PAL_JOB_LIMIT_CPU; i++)
        CU_ASSERT_EQUAL(
            pal_job_limit_set(rig.job, (pal_job_limit_t)i, values[i]),
            APR_ENOTIMPL);
    CU_ASSERT_EQUAL(pal_job_limit_set(rig.job, (pal_job_limit_t)3, 1),
                    APR_EINVAL);
    tear_down();
    if (!set_up(PAL_JOB_CGROUP))
        return;
    for (i = PAL_JOB_LIMIT_MEMORY; i <= PAL_JOB_LIMIT_CPU; i++) {
        rv = pal_job_limit_set(rig.job, (pal_job_limit_t)i, values[i]);
        CU_ASSERT_TRUE(rv == APR_SUCCESS || rv == APR_ENOTIMPL);
        if (rv != APR_SUCCESS || i != PAL_JOB_LIMIT_PROCESSES)
            continue;
        process = start(rig.job, JOB_ORPHAN);
        TEST_OK(pal_process_wait(process, -1));
        CU_ASSERT_EQUAL(pal_process_exit_code(process), 1); /* no fork */
        pal_process_close(&process);
    }
    tear_down();
}

typedef struct watch_t {
    pal_loop_t *loop;
    int n_calls;
    int closes;
} watch_t;

static void on_empty(void *baton, pal_job_t *job)
{
    watch_t *watch = baton;

    CU_ASSERT_PTR_EQUAL(job, rig.job);
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

    if (!set_up(way))
        return;
    watch->closes = 0;
    TEST_OK(pal_job_watch(rig.job, watch->loop, on_empty, watch));
    turn(watch); /* empty already */

    process = start(rig.job, JOB_CHILD);
    CU_ASSERT_TRUE(read_pids(2));
    TEST_OK(pal_job_watch(rig.job, watch->loop, on_empty, watch));
    CU_ASSERT_EQUAL(pal_job_watch(rig.job, watch->loop, on_empty, watch),
                    APR_EEXIST);
    CU_ASSERT_EQUAL(pal_job_wait(rig.job, 0), APR_EEXIST);
    CU_ASSERT_EQUAL(pal_loop_run_until(watch->loop, is_called, watch, 20000),
                    APR_TIMEUP);
    TEST_OK(pal_job_watch(rig.job, watch->loop, NULL, NULL));
    CU_ASSERT_EQUAL(pal_job_wait(rig.job, 0), APR_TIMEUP);

    /* First the child ends, then what it started. */
    TEST_OK(pal_job_watch(rig.job, watch->loop, on_empty, watch));
    TEST_OK(pal_process_kill(process));
    CU_ASSERT_EQUAL(pal_loop_run_until(watch->loop, is_called, watch, 20000),
                    APR_TIMEUP);
    finish(process);
    TEST_OK(pal_job_kill(rig.job));
    watch->closes = 1;
    turn(watch);
    tear_down();
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
        if (!set_up(ways[way]))
            continue;
        process = start(rig.job, JOB_STAY);
        CU_ASSERT_TRUE(read_pids(1));
        for (i = 1; i < n; i++) {
            pal_process_t *brief = start(rig.job, JOB_ORPHAN);

            CU_ASSERT_TRUE_FATAL(read_pids(i + 1));
            if (i % 2 == 0)
                CU_ASSERT_EQUAL(kill(rig.pids[i], SIGKILL), 0);
            finish(brief);
        }
        TEST_OK(pal_job_kill(rig.job));
        TEST_OK(pal_job_wait(rig.job, -1));
        finish(process);
        tear_down();
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
    if (job_command(&command, rig.job, JOB_CHILD, rig.ends[1], pool)
        == APR_SUCCESS)
        for (i = 0; i < n; i++) {
            if (pal_process_start(&thread->processes[thread->n_started],
                                  command)
                != APR_SUCCESS)
                break;
            thread->n_started++;
            (void)pal_job_count(rig.job, &counted);
            if (i % 5 == 0)
                (void)pal_job_kill(rig.job);
        }
    apr_pool_destroy(pool);
    return NULL;
}

static void threads(void)
{
    static thread_t team[N_THREADS];
    int way, i, k;

    for (way = 0; way < N_WAYS; way++) {
        if (!set_up(ways[way]))
            continue;
        memset(team, 0, sizeof(team));
        for (i = 0; i < N_THREADS; i++)
            CU_ASSERT_EQUAL_FATAL(
                pthread_create(&team[i].thread, NULL, launch_some, &team[i]),
                0);
        for (i = 0; i < N_THREADS; i++)
            CU_ASSERT_EQUAL(pthread_join(team[i].thread, NULL), 0);
        TEST_OK(pal_job_kill(rig.job));
        TEST_OK(pal_job_wait(rig.job, -1));
        CU_ASSERT_TRUE(read_pids(-1));
        for (i = 0; i < N_THREADS; i++) {
            CU_ASSERT_TRUE(team[i].n_started > 0);
            for (k = 0; k < team[i].n_started; k++)
                finish(team[i].processes[k]);
        }
        tear_down();
    }
}

/* The keeper has the handles it needs and no others, and leads a group of its
 * own in this session. */
static void keeper_holds_little(void)
{
    char path[64];
    DIR *folder;
    struct dirent *entry;
    int n = 0;
    pid_t keeper;

    CU_ASSERT_TRUE_FATAL(set_up(PAL_JOB_GROUPS));
    keeper = find_keeper();
    CU_ASSERT_EQUAL(getpgid(keeper), keeper);
    CU_ASSERT_EQUAL(getsid(keeper), getsid(0));
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)keeper);
    folder = opendir(path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(folder);
    while ((entry = readdir(folder)) != NULL)
        n += entry->d_name[0] != '.';
    closedir(folder);
    CU_ASSERT_EQUAL(n, 3);
    tear_down();
}

/* Run this program, or the cases named, once more in a process that `prepare`
 * has changed; it may also end it with 0. */
static void run_again(void (*prepare)(const char *path), char **args)
{
    const char *path;
    int status;
    pid_t pid;

    TEST_OK(pal_self_path(&path, test_pool()));
    pid = fork();
    if (pid == 0) {
        prepare(path);
        (void)dup2(2, 1);
        (void)execv(path, args);
        _exit(1);
    }
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_EQUAL(status, 0);
}

static void become_nobody(const char *path)
{
    if (setgroups(0, NULL) != 0 || setgid(NOBODY) != 0 || setuid(NOBODY) != 0)
        _exit(1);
    /* A build in a private folder cannot be tried. */
    if (access(path, X_OK) != 0 || access(job_keeper(), X_OK) != 0)
        _exit(0);
}

static void ordinary_user(void)
{
    static char *args[] = {"test_pal_job", NULL};

    if (getuid() == 0 && !test_in_valgrind())
        run_again(become_nobody, args);
}

/* Refuse a system call; with a `flag`, only if the first argument has it. */
static void refuse(int number, unsigned int flag)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)number, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 offsetof(struct seccomp_data, args)),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, flag, 0, flag != 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog filter = {sizeof(code) / sizeof(*code), code};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
        || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        _exit(1);
}

static void lose_pidfds(const char *path)
{
    (void)path;
    refuse(SYS_close_range, 0);
    refuse(SYS_clone, CLONE_VFORK);
    refuse(SYS_pidfd_open, 0);
    refuse(SYS_pidfd_send_signal, 0);
}

/* Linux before 5.3: members are numbers, and the keeper looks who its parent
 * is. */
static void no_pidfds(void)
{
    static char *args[] = {"test_pal_job", "life",       "trees",   "watched",
                           "close_kills",  "owner_dies", "threads", NULL};

    if (!test_in_valgrind())
        run_again(lose_pidfds, args);
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
    CU_ASSERT_EQUAL(pal_job_open(job), APR_ENOTIMPL);
}

static const test_case_t portable_cases[] = {
    {"unavailable", unavailable}, {"wrong_use", wrong_use}, {NULL, NULL}};

static const test_case_t cases[] = {
    {"life", life},
    {"trees", trees},
    {"wait_for_orphans", wait_for_orphans},
    {"close_kills", close_kills},
    {"pool_closes", pool_closes},
    {"owner_dies", owner_dies},
    {"keeper_is_killed", keeper_is_killed},
    {"keeper_is_missing", keeper_is_missing},
    {"keeper_holds_little", keeper_holds_little},
    {"outlive", outlive},
    {"wrong_use", wrong_use},
    {"opens_once", opens_once},
    {"failed_launch", failed_launch},
    {"own_session", own_session},
    {"own_cgroup", own_cgroup},
    {"limits", limits},
    {"watched", watched},
    {"many", many},
    {"threads", threads},
    {"ordinary_user", ordinary_user},
    {"no_pidfds", no_pidfds},
    {NULL, NULL}};

int main(int argc, char **argv)
{
    job_role(argc, argv);
    return test_main(argc, argv, "pal job",
                     job_is_built() ? cases : portable_cases);
}
