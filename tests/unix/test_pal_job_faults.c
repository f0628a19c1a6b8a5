#include "config.h"

#include "job_rig.h"

#include "harness.h"

#include <pal/pal.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

/* Jobs in trouble: used wrongly, without what holds them, or short of it. */

static const int ways[] = {PAL_JOB_GROUPS, PAL_JOB_CGROUP};

enum { N_WAYS = sizeof(ways) / sizeof(ways[0]) };

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
    job_rig_finish(process);
    pal_loop_destroy(loop);
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
        if (!job_rig_set_up(ways[i]))
            continue;
        process = job_rig_start(job_rig.job, JOB_CHILD);
        CU_ASSERT_TRUE(job_rig_read_pids(2));
        keeper = find_keeper();
        CU_ASSERT_NOT_EQUAL_FATAL(keeper, 0);
        /* What may come to a process of the background is not for it. */
        CU_ASSERT_EQUAL(kill(keeper, SIGTERM), 0);
        CU_ASSERT_EQUAL(kill(keeper, SIGHUP), 0);
        CU_ASSERT_EQUAL(pal_job_wait(job_rig.job, 20000), APR_TIMEUP);
        CU_ASSERT_EQUAL(pal_job_held(job_rig.job), ways[i] | PAL_JOB_KEEPER);
        CU_ASSERT_EQUAL(kill(keeper, SIGKILL), 0);
        while ((pal_job_held(job_rig.job) & PAL_JOB_KEEPER) != 0)
            (void)sched_yield();

        CU_ASSERT_EQUAL(pal_job_held(job_rig.job), ways[i]);
        TEST_OK(job_command(&command, job_rig.job, JOB_STAY, job_rig.ends[1],
                            test_pool()));
        CU_ASSERT_EQUAL(pal_process_start(&none, command), PAL_E_KEEPER);
        CU_ASSERT_EQUAL(pal_command_failed_step(command), PAL_STEP_JOB);
        CU_ASSERT_PTR_NULL(none);
        CU_ASSERT_EQUAL(job_rig_count(), 2);
        TEST_OK(pal_job_kill(job_rig.job));
        TEST_OK(pal_job_wait(job_rig.job, -1));
        job_rig_finish(process);
        job_rig_tear_down();
    }
}

/* Launches go on until the keeper has not read of many, and go on again when
 * it does. */
static void keeper_is_stopped(void)
{
    enum { MOST = 1000 };
    pal_process_t *process = NULL;
    apr_status_t rv = APR_SUCCESS;
    pal_command_t *command;
    pid_t keeper;
    int n;

    CU_ASSERT_TRUE_FATAL(job_rig_set_up(PAL_JOB_GROUPS));
    keeper = find_keeper();
    CU_ASSERT_EQUAL_FATAL(kill(keeper, SIGSTOP), 0);
    TEST_OK(pal_command_create(&command, test_pool()));
    TEST_OK(pal_command_program_set(command, "/bin/true"));
    TEST_OK(pal_command_job_set(command, job_rig.job));
    for (n = 0; n < MOST && rv == APR_SUCCESS; n++) {
        rv = pal_process_start(&process, command);
        if (rv == APR_SUCCESS)
            job_rig_finish(process);
    }
    CU_ASSERT_EQUAL(rv, APR_EAGAIN);
    CU_ASSERT_EQUAL(pal_command_failed_step(command), PAL_STEP_JOB);
    CU_ASSERT_TRUE(n > 20);
    CU_ASSERT_EQUAL(pal_job_held(job_rig.job),
                    PAL_JOB_GROUPS | PAL_JOB_KEEPER);
    TEST_OK(pal_job_kill(job_rig.job));
    TEST_OK(pal_job_wait(job_rig.job, -1));

    CU_ASSERT_EQUAL(kill(keeper, SIGCONT), 0);
    TEST_OK(pal_process_start(&process, command));
    job_rig_finish(process);
    CU_ASSERT_EQUAL(kill(keeper, SIGSTOP), 0);
    job_rig_tear_down(); /* does not wait for it */
}

static void keeper_is_missing(void)
{
    static const char *const paths[] = {"/nonexistent", "/", "/bin/true"};
    pal_process_t *process;
    pal_job_t *job;
    size_t i;

    TEST_OK(pal_handle_pipe(job_rig.ends));
    job_rig.n_pids = 0;
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
    process = job_rig_start(job, JOB_CHILD);
    CU_ASSERT_TRUE(job_rig_read_pids(2));
    TEST_OK(pal_job_kill(job));
    CU_ASSERT_TRUE(job_rig_read_pids(-1));
    job_rig_finish(process);
    pal_job_close(job);
    pal_handle_close(&job_rig.ends[0]);
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

    CU_ASSERT_TRUE_FATAL(job_rig_set_up(PAL_JOB_GROUPS));
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
    job_rig_tear_down();
}

/* Allow `room` descriptors more than there are; a negative one takes that
 * back. */
static void limit_descriptors(int room)
{
    static struct rlimit old;
    struct rlimit limit;
    int first;

    if (room < 0) {
        CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &old), 0);
        return;
    }
    first = dup(0);
    CU_ASSERT_TRUE_FATAL(first >= 0);
    close(first);
    CU_ASSERT_EQUAL(getrlimit(RLIMIT_NOFILE, &old), 0);
    limit = old;
    limit.rlim_cur = (rlim_t)(first + room);
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* A job that does not open for want of descriptors says so, rather than be
 * held by less. */
static void opens_with_few(void)
{
    int all = PAL_JOB_CGROUP | PAL_JOB_NAMESPACES | PAL_JOB_GROUPS;
    int wanted, room, i;
    apr_status_t rv;
    pal_job_t *job;

    for (i = 0; i < 2; i++) {
        TEST_OK(pal_job_create(&job, test_pool()));
        TEST_OK(pal_job_keeper_set(job, NULL)); /* takes more than they */
        TEST_OK(pal_job_ways_set(job, i == 0 ? all : all - PAL_JOB_CGROUP));
        TEST_OK(pal_job_open(job));
        wanted = pal_job_held(job);
        pal_job_close(job);
        room = 0;
        do {
            CU_ASSERT_TRUE_FATAL(room < 100);
            limit_descriptors(room++);
            rv = pal_job_open(job);
            limit_descriptors(-1);
            CU_ASSERT_TRUE(rv == APR_SUCCESS || APR_STATUS_IS_EMFILE(rv));
        } while (rv != APR_SUCCESS);
        CU_ASSERT_TRUE(room > 2);
        CU_ASSERT_EQUAL(pal_job_held(job), wanted);
        pal_job_close(job);
    }
}

/* Who cannot look for want of descriptors does not take it that nobody is
 * there. */
static void counts_with_few(void)
{
    int room, n, n_good = 0, n_failed = 0;
    pal_process_t *process;
    apr_status_t rv;

    CU_ASSERT_TRUE_FATAL(job_rig_set_up(PAL_JOB_GROUPS));
    process = job_rig_start(job_rig.job, JOB_ORPHAN);
    CU_ASSERT_TRUE(job_rig_read_pids(1));
    job_rig_finish(process);
    for (room = 0; room < 16; room++) {
        n = -1;
        limit_descriptors(room);
        rv = pal_job_count(job_rig.job, &n);
        CU_ASSERT_EQUAL(pal_job_wait(job_rig.job, 0), APR_TIMEUP);
        limit_descriptors(-1);
        CU_ASSERT_TRUE(rv == APR_SUCCESS || APR_STATUS_IS_EMFILE(rv));
        CU_ASSERT_EQUAL(n, rv == APR_SUCCESS ? 1 : -1);
        n_good += rv == APR_SUCCESS;
        n_failed += rv != APR_SUCCESS;
    }
    CU_ASSERT_TRUE(n_good > 0);
    CU_ASSERT_TRUE(n_failed > 1);
    job_rig_tear_down();
}

/* What is held of members that have ended is given up for a launch that would
 * fail for want of descriptors, and is little in any case. */
static void launches_with_few(void)
{
    enum { MANY = 60, SOME = 5 };
    pal_process_t *process = NULL;
    pal_command_t *command;
    int i, fds[MANY], n_fds;

    CU_ASSERT_TRUE_FATAL(job_rig_set_up(PAL_JOB_GROUPS));
    TEST_OK(pal_command_create(&command, test_pool()));
    TEST_OK(pal_command_program_set(command, "/bin/true"));
    TEST_OK(pal_command_job_set(command, job_rig.job));
    TEST_OK(pal_process_start(&process, command));
    job_rig_finish(process);
    limit_descriptors(MANY / 2);
    for (i = 0; i < MANY; i++) {
        TEST_OK(pal_process_start(&process, command));
        job_rig_finish(process);
    }
    limit_descriptors(-1);
    TEST_OK(pal_job_wait(job_rig.job, -1)); /* forgets them */
    for (i = 0; i < SOME; i++) {
        TEST_OK(pal_process_start(&process, command));
        job_rig_finish(process);
    }
    limit_descriptors(MANY / 2);
    for (n_fds = 0; n_fds < MANY; n_fds++) {
        fds[n_fds] = dup(0);
        if (fds[n_fds] < 0)
            break;
    }
    CU_ASSERT_EQUAL(errno, EMFILE);
    TEST_OK(pal_process_start(&process, command));
    job_rig_finish(process);
    while (n_fds > 0)
        close(fds[--n_fds]);
    limit_descriptors(-1);
    job_rig_tear_down();
}

static const test_case_t portable_cases[] = {{"wrong_use", wrong_use},
                                             {NULL, NULL}};

static void ordinary_user(void)
{
    static char *args[] = {"test_pal_job_faults", NULL};

    job_rig_run_as_nobody(args);
}

static const test_case_t cases[] = {
    {"wrong_use", wrong_use},
    {"keeper_holds_little", keeper_holds_little},
    {"keeper_is_killed", keeper_is_killed},
    {"keeper_is_missing", keeper_is_missing},
    {"keeper_is_stopped", keeper_is_stopped},
    {"opens_with_few", opens_with_few},
    {"counts_with_few", counts_with_few},
    {"launches_with_few", launches_with_few},
    {"ordinary_user", ordinary_user},
    {NULL, NULL}};

int main(int argc, char **argv)
{
    job_role(argc, argv);
    return test_main(argc, argv, "pal job faults",
                     job_is_built() ? cases : portable_cases);
}
