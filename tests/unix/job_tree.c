#include "config.h"

#include "job_tree.h"

#include <pal/pal.h>

#include <apr_strings.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

int job_tree_size(job_tree_t tree)
{
    return tree == JOB_CHILD || tree == JOB_THREAD || tree == JOB_SESSION
                   || tree == JOB_DAEMON
               ? 2
               : 1;
}

/* Say that this process is there, and wait for its death. */
static void stay(void)
{
    pid_t pid = getpid();

    if (write(JOB_PIPE, &pid, sizeof(pid)) != sizeof(pid))
        _exit(1);
    for (;;)
        (void)pause();
}

/* Go on as a child; the parent stays or ends. */
static void descend(int parent_stays)
{
    pid_t pid = fork();

    if (pid > 0 && parent_stays)
        stay();
    if (pid != 0)
        _exit(pid < 0);
}

/* Has the first thread of this process ended? */
static int is_headless(void)
{
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    char stat[512], *after;
    ssize_t len = read(fd, stat, sizeof(stat) - 1);

    (void)close(fd);
    if (len <= 0)
        _exit(1);
    stat[len] = '\0';
    after = strrchr(stat, ')');
    return after != NULL && after[2] == 'Z';
}

static void *stay_behind(void *arg)
{
    while (!is_headless())
        (void)sched_yield();
    stay();
    return arg;
}

/* The child stays, and of the parent a thread. */
static void lose_head(void)
{
    pthread_t thread;
    pid_t pid = fork();

    if (pid == 0)
        stay();
    if (pid < 0 || pthread_create(&thread, NULL, stay_behind, NULL) != 0)
        _exit(1);
    pthread_exit(NULL);
}

static void grow(job_tree_t tree)
{
    switch (tree) {
    case JOB_CHILD:
        descend(1);
        break;
    case JOB_ORPHAN:
        descend(0);
        break;
    case JOB_TWICE:
        descend(0);
        descend(0);
        break;
    case JOB_THREAD:
        lose_head();
        break;
    case JOB_SESSION:
        descend(1);
        (void)setsid();
        break;
    case JOB_DAEMON:
        descend(1);
        descend(0);
        (void)setsid();
        descend(0);
        break;
    case JOB_SESSION_TWICE:
        descend(0);
        (void)setsid();
        descend(0);
        break;
    case JOB_STAY:
    case JOB_N_TREES:
        break;
    }
    stay();
}

int job_is_built(void)
{
#ifdef HAVE_LINUX_NATIVE
    return 1;
#else
    return 0;
#endif
}

const char *job_keeper(void)
{
    const char *path = getenv("PAL_KEEPER");

    return path != NULL ? path : "pal/pal-keeper";
}

apr_status_t job_open(pal_job_t **ret_job, int way, apr_pool_t *pool)
{
    pal_job_t *job;
    apr_status_t rv = pal_job_create(&job, pool);

    if (rv == APR_SUCCESS)
        rv = pal_job_keeper_set(job,
                                *job_keeper() != '\0' ? job_keeper() : NULL);
    if (rv == APR_SUCCESS)
        rv = pal_job_ways_set(job, way);
    if (rv == APR_SUCCESS)
        rv = pal_job_open(job);
    if (rv == APR_SUCCESS)
        *ret_job = job;
    return rv;
}

static apr_status_t role_command(pal_command_t **ret_command, const char *role,
                                 int first, int second, pal_handle_t pipe,
                                 apr_pool_t *pool)
{
    apr_status_t rv = pal_command_create(ret_command, pool);

    if (rv == APR_SUCCESS)
        rv = pal_command_self_set(*ret_command);
    if (rv == APR_SUCCESS)
        rv = pal_command_arg_add(*ret_command, role);
    if (rv == APR_SUCCESS)
        rv = pal_command_arg_add(*ret_command, apr_itoa(pool, first));
    if (rv == APR_SUCCESS)
        rv = pal_command_arg_add(*ret_command, apr_itoa(pool, second));
    if (rv == APR_SUCCESS)
        rv = pal_command_handle_add(*ret_command, pipe, JOB_PIPE);
    return rv;
}

apr_status_t job_command(pal_command_t **ret_command, pal_job_t *job,
                         job_tree_t tree, pal_handle_t pipe, apr_pool_t *pool)
{
    apr_status_t rv =
        role_command(ret_command, "job-tree", tree, 0, pipe, pool);

    if (rv == APR_SUCCESS)
        rv = pal_command_job_set(*ret_command, job);
    return rv;
}

apr_status_t job_owner_command(pal_command_t **ret_command, int way, int n,
                               pal_handle_t pipe, apr_pool_t *pool)
{
    return role_command(ret_command, "job-owner", way, n, pipe, pool);
}

typedef struct launcher_t {
    pal_job_t *job;
    const job_tree_t *trees; /* kinds of them */
    int n_trees;
    int n; /* to launch */
} launcher_t;

static void *launch_trees(void *arg)
{
    const launcher_t *launcher = arg;
    pal_command_t *command;
    pal_process_t *process;
    apr_pool_t *pool;
    int i;

    if (apr_pool_create(&pool, NULL) != APR_SUCCESS)
        _exit(1);
    for (i = 0; i < launcher->n; i++)
        if (job_command(&command, launcher->job,
                        launcher->trees[i % launcher->n_trees], JOB_PIPE, pool)
                != APR_SUCCESS
            || pal_process_start(&process, command) != APR_SUCCESS)
            _exit(1);
    return NULL;
}

/* Launch from two threads, so that there is always one under way. A session
 * of its own gets away where a group is all that holds; in a namespace all
 * ends with the child. */
static void own(int way, int n)
{
    static const job_tree_t trees[] = {
        JOB_STAY,   JOB_CHILD, JOB_SESSION,       JOB_DAEMON,
        JOB_ORPHAN, JOB_TWICE, JOB_SESSION_TWICE, JOB_THREAD};
    static const job_tree_t grouped[] = {JOB_STAY, JOB_CHILD, JOB_ORPHAN,
                                         JOB_TWICE};
    launcher_t launcher;
    pthread_t thread;
    apr_pool_t *pool;

    if (pal_initialize() != APR_SUCCESS
        || apr_pool_create(&pool, NULL) != APR_SUCCESS
        || job_open(&launcher.job, way, pool) != APR_SUCCESS)
        _exit(1);
    launcher.trees = way == PAL_JOB_GROUPS ? grouped : trees;
    launcher.n_trees = way == PAL_JOB_CGROUP ? JOB_N_TREES : 4;
    launcher.n = n / 2;
    if (pthread_create(&thread, NULL, launch_trees, &launcher) != 0)
        _exit(1);
    (void)launch_trees(&launcher);
    (void)pthread_join(thread, NULL);
    stay();
}

void job_role(int argc, char **argv)
{
    if (argc != 4)
        return;
    if (strcmp(argv[1], "job-tree") == 0)
        grow((job_tree_t)atoi(argv[2]));
    if (strcmp(argv[1], "job-owner") == 0)
        own(atoi(argv[2]), atoi(argv[3]));
}
