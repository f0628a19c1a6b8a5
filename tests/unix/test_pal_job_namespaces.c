#include "config.h"

#include "filter.h"
#include "job_rig.h"

#include "harness.h"

#include <pal/pal.h>

#include <errno.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Jobs of which each child is process 1 of a pid namespace. Trees whose first
 * process ends (JOB_ORPHAN and the like) end with it. */

/* Trees of which process 1 stays: what is in their sessions, and the daemon,
 * die with the job and with process 1, and are counted. */
static void trees(void)
{
    static const job_tree_t kinds[] = {JOB_STAY, JOB_CHILD, JOB_THREAD,
                                       JOB_SESSION, JOB_DAEMON};
    pal_process_t *process;
    size_t i;
    int n, by_job;

    for (i = 0; i < 2 * sizeof(kinds) / sizeof(*kinds); i++) {
        by_job = i % 2 == 0;
        n = job_tree_size(kinds[i / 2]);
        if (!job_rig_set_up(PAL_JOB_NAMESPACES))
            return;
        process = job_rig_start(job_rig.job, kinds[i / 2]);
        CU_ASSERT_TRUE(job_rig_read_pids(n));
        while (job_rig_count()
               > n) /* the parents of orphans are on their way */
            (void)sched_yield();
        CU_ASSERT_EQUAL(job_rig_count(), n);
        CU_ASSERT_EQUAL(pal_job_wait(job_rig.job, 0), APR_TIMEUP);
        if (by_job)
            TEST_OK(pal_job_kill(job_rig.job));
        else
            TEST_OK(pal_process_kill(process));
        TEST_OK(pal_job_wait(job_rig.job, -1));
        CU_ASSERT_TRUE(job_rig_read_pids(-1));
        CU_ASSERT_EQUAL(job_rig_count(), 0);
        job_rig_finish(process);
        job_rig_tear_down();
    }
}

/* Process 1 that ends by itself takes its daemon with it. */
static void ends(void)
{
    pal_process_t *process;

    if (!job_rig_set_up(PAL_JOB_NAMESPACES))
        return;
    process = job_rig_start(job_rig.job, JOB_SESSION_TWICE);
    CU_ASSERT_TRUE(job_rig_read_pids(-1));
    TEST_OK(pal_job_wait(job_rig.job, -1));
    TEST_OK(pal_process_wait(process, -1));
    CU_ASSERT_EQUAL(pal_process_exit_code(process), 0);
    pal_process_close(&process);
    job_rig_tear_down();
}

static void owner_dies(void)
{
    job_rig_kill_owner(PAL_JOB_NAMESPACES, 0, job_keeper());
    job_rig_kill_owner(PAL_JOB_NAMESPACES, JOB_RIG_OWNED, job_keeper());
    job_rig_kill_owner(PAL_JOB_NAMESPACES, JOB_RIG_OWNED, "");
}

/* Those of the job are there besides those of the command. */
static void joined(void)
{
    pal_process_t *process = NULL;
    pal_command_t *command;

    if (!job_rig_set_up(PAL_JOB_NAMESPACES))
        return;
    TEST_OK(job_command(&command, job_rig.job, JOB_DAEMON, job_rig.ends[1],
                        test_pool()));
    TEST_OK(pal_command_namespaces_set(command, PAL_NAMESPACE_UTS));
    TEST_OK(pal_command_mode_set(command, PAL_STEP_NAMESPACES,
                                 PAL_CONFINE_BEST_EFFORT));
    TEST_OK(pal_process_start(&process, command));
    CU_ASSERT_TRUE(job_rig_read_pids(2));
    CU_ASSERT_EQUAL(pal_process_held(process, PAL_STEP_NAMESPACES), 1);
    TEST_OK(pal_process_kill(process));
    CU_ASSERT_TRUE(job_rig_read_pids(-1));
    job_rig_finish(process);
    job_rig_tear_down();
}

/* Without namespaces the job does not open, or holds by what else it may. */
static void lose_them(const char *path)
{
    pal_job_t *job;
    int is_right;

    (void)path;
    is_right = filter_call(SYS_clone, CLONE_NEWPID, ENOSYS)
               && pal_job_create(&job, test_pool()) == APR_SUCCESS
               && pal_job_keeper_set(job, NULL) == APR_SUCCESS
               && pal_job_ways_set(job, PAL_JOB_NAMESPACES) == APR_SUCCESS
               && pal_job_open(job) == APR_ENOTIMPL && pal_job_held(job) == 0
               && pal_job_ways_set(job, PAL_JOB_NAMESPACES | PAL_JOB_GROUPS)
                      == APR_SUCCESS
               && pal_job_open(job) == APR_SUCCESS
               && pal_job_held(job) == PAL_JOB_GROUPS;
    _exit(!is_right);
}

static void refused(void)
{
    static char *args[] = {"test_pal_job_namespaces", NULL};

    job_rig_run_again(lose_them, args);
}

static void ordinary_user(void)
{
    static char *args[] = {"test_pal_job_namespaces", NULL};

    job_rig_run_as_nobody(args);
}

/* Built without what holds a job. */
static void unavailable(void)
{
    pal_job_t *job;

    CU_ASSERT_FALSE(job_rig_set_up(PAL_JOB_NAMESPACES));
    TEST_OK(pal_job_create(&job, test_pool()));
    TEST_OK(pal_job_keeper_set(job, NULL));
    TEST_OK(pal_job_ways_set(job, PAL_JOB_NAMESPACES));
    CU_ASSERT_EQUAL(pal_job_open(job), APR_ENOTIMPL);
}

static const test_case_t portable_cases[] = {{"unavailable", unavailable},
                                             {NULL, NULL}};

static const test_case_t cases[] = {
    {"trees", trees},   {"ends", ends},       {"owner_dies", owner_dies},
    {"joined", joined}, {"refused", refused}, {"ordinary_user", ordinary_user},
    {NULL, NULL}};

int main(int argc, char **argv)
{
    job_role(argc, argv);
    return test_main(argc, argv, "pal job namespaces",
                     job_is_built() ? cases : portable_cases);
}
