#include "config.h"

#include "job_rig.h"

#include "harness.h"

#include <pal/pal.h>

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE = 10000, NOBODY = 65534 };

job_rig_t job_rig;

int job_rig_set_up(int way)
{
    apr_status_t rv = job_open(&job_rig.job, way, test_pool());

    if (rv == APR_ENOTIMPL && way != PAL_JOB_GROUPS)
        return 0;
    TEST_OK(rv);
    CU_ASSERT_EQUAL(pal_job_held(job_rig.job), way | PAL_JOB_KEEPER);
    TEST_OK(pal_handle_pipe(job_rig.ends));
    job_rig.n_pids = 0;
    return 1;
}

pal_process_t *job_rig_start(pal_job_t *job, job_tree_t tree)
{
    pal_process_t *process = NULL;
    pal_command_t *command;

    TEST_OK(job_command(&command, job, tree, job_rig.ends[1], test_pool()));
    TEST_OK(pal_process_start(&process, command));
    return process;
}

void job_rig_finish(pal_process_t *process)
{
    TEST_OK(pal_process_wait(process, -1));
    pal_process_close(&process);
}

int job_rig_read_pids(int n)
{
    struct pollfd fd;
    ssize_t len;

    if (n < 0)
        pal_handle_close(&job_rig.ends[1]);
    fd.fd = (int)job_rig.ends[0];
    fd.events = POLLIN;
    while (n < 0 || job_rig.n_pids < n) {
        if (job_rig.n_pids == JOB_RIG_MAX_PIDS || poll(&fd, 1, PATIENCE) != 1)
            return 0;
        len = read(fd.fd, &job_rig.pids[job_rig.n_pids], sizeof(pid_t));
        if (len == 0)
            return n < 0;
        job_rig.n_pids += len == (ssize_t)sizeof(pid_t);
    }
    return 1;
}

void job_rig_tear_down(void)
{
    pal_job_close(job_rig.job);
    CU_ASSERT_EQUAL(pal_job_held(job_rig.job), 0);
    CU_ASSERT_TRUE(job_rig_read_pids(-1));
    pal_handle_close(&job_rig.ends[0]);
}

int job_rig_count(void)
{
    int n = -1;

    TEST_OK(pal_job_count(job_rig.job, &n));
    return n;
}

void job_rig_kill_owner(int way, int wanted, const char *keeper)
{
    pal_command_t *command;
    pal_process_t *owner;

    if (!job_rig_set_up(way))
        return;
    TEST_OK(job_owner_command(&command, way, JOB_RIG_OWNED, job_rig.ends[1],
                              test_pool()));
    TEST_OK(pal_command_env_set(command, "PAL_KEEPER", keeper));
    TEST_OK(pal_process_start(&owner, command));
    CU_ASSERT_TRUE(job_rig_read_pids(wanted));
    TEST_OK(pal_process_kill(owner));
    CU_ASSERT_TRUE(job_rig_read_pids(-1));
    TEST_OK(pal_process_wait(owner, -1));
    CU_ASSERT_EQUAL(pal_process_exit_signal(owner), SIGKILL);
    pal_process_close(&owner);
    job_rig_tear_down();
}

void job_rig_run_again(void (*prepare)(const char *path), char **args)
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

void job_rig_run_as_nobody(char **args)
{
    if (getuid() == 0 && !test_in_valgrind())
        job_rig_run_again(become_nobody, args);
}
