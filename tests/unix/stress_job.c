/* Kills owners of jobs at random instants and looks how long the last of
 * their processes lives on. A process alive after GIVE_UP is a survivor, and
 * fails the test; LATE is the time that all are to be dead in, and how many
 * rounds took longer is printed: on a busy machine that says little.
 *
 * The environment variable KILLS is the number of them, in all (default
 * 1000). */
#include "config.h"

#include "job_tree.h"

#include "harness.h"

#include <pal/pal.h>

#include <apr_general.h>

#include <stdio.h>
#include <stdlib.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

enum {
    KILLS = 1000,
    N_TREES = 24,    /* of one owner */
    LATEST = 30000,  /* us after its start that an owner is killed */
    LATE = 100,      /* ms */
    GIVE_UP = 10000, /* ms */
    MAX_PIDS = 4 * N_TREES
};

static apr_time_t now(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (apr_time_t)time.tv_sec * APR_USEC_PER_SEC + time.tv_nsec / 1000;
}

/* A number below `end`, from a fixed sequence. */
static int random_below(int end)
{
    static apr_uint64_t state = 88172645463325252u;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (int)(state % (apr_uint64_t)end);
}

static void pause_for(int us)
{
    struct timespec time;

    time.tv_sec = 0;
    time.tv_nsec = us * 1000L;
    while (nanosleep(&time, &time) != 0 && errno == EINTR)
        continue;
}

/* Read to the end of the pipe, at most `timeout` ms; what has not come to its
 * end by then is killed by hand, unless pids say nothing because they are
 * those of namespaces. Returns whether it was the end. */
static int read_deaths(pal_handle_t pipe, int way, int timeout,
                       int *ret_n_pids)
{
    apr_time_t deadline = now() + timeout * APR_TIME_C(1000);
    static pid_t pids[MAX_PIDS];
    int n_pids = 0, i;
    struct pollfd fd;
    ssize_t n;

    fd.fd = (int)pipe;
    fd.events = POLLIN;
    for (;;) {
        apr_time_t left = deadline - now();

        if (poll(&fd, 1, left > 0 ? (int)(left / 1000) + 1 : 0) == 0)
            break;
        n = read((int)pipe, &pids[n_pids], sizeof(*pids));
        if (n == 0) {
            *ret_n_pids = n_pids;
            return 1;
        }
        if (n == (ssize_t)sizeof(*pids) && n_pids < MAX_PIDS - 1)
            n_pids++;
    }
    for (i = 0; i < n_pids && way != PAL_JOB_NAMESPACES; i++)
        if (kill(pids[i], SIGKILL) == 0)
            fprintf(stderr, "survivor: %d\n", (int)pids[i]);
    return 0;
}

/* One owner. Returns the time to the last death, or -1. */
static apr_time_t kill_one(int way, int *n_processes, apr_pool_t *pool)
{
    pal_handle_t ends[2];
    pal_command_t *command;
    pal_process_t *owner;
    apr_time_t start;
    int n_pids = 0, is_end;

    if (pal_handle_pipe(ends) != APR_SUCCESS
        || job_owner_command(&command, way, N_TREES, ends[1], pool)
               != APR_SUCCESS
        || pal_process_start(&owner, command) != APR_SUCCESS)
        return -1;
    pal_handle_close(&ends[1]);
    pause_for(random_below(test_in_sanitizer() ? 20 * LATEST : LATEST));
    start = now();
    (void)pal_process_kill(owner);
    is_end = read_deaths(ends[0], way, GIVE_UP, &n_pids);
    start = now() - start;
    pal_handle_close(&ends[0]);
    (void)pal_process_wait(owner, -1);
    /* It must not have ended before, by some failure. */
    is_end = is_end && pal_process_exit_signal(owner) == SIGKILL;
    pal_process_close(&owner);
    *n_processes += n_pids;
    return is_end ? start : -1;
}

static int by_size(const void *left, const void *right)
{
    apr_time_t l = *(const apr_time_t *)left, r = *(const apr_time_t *)right;

    return (l > r) - (l < r);
}

/* Returns how many rounds failed. */
static int kill_many(const char *name, int way, int n, apr_pool_t *pool)
{
    apr_time_t *times = calloc((size_t)n, sizeof(*times));
    int i, n_failed = 0, n_good = 0, n_late = 0, n_processes = 0;
    apr_pool_t *round;
    pal_job_t *job;
    apr_time_t time;

    if (times == NULL || apr_pool_create(&round, pool) != APR_SUCCESS)
        exit(1);
    if ((way != PAL_JOB_GROUPS || !job_is_built())
        && job_open(&job, way, round) == APR_ENOTIMPL) {
        printf("%-10s not to be had here\n", name);
        free(times);
        return 0;
    }
    for (i = 0; i < n; i++) {
        apr_pool_clear(round);
        time = kill_one(way, &n_processes, round);
        n_late += time > LATE * APR_TIME_C(1000);
        if (time >= 0)
            times[n_good++] = time;
        else
            n_failed++;
    }
    apr_pool_destroy(round);
    qsort(times, (size_t)n_good, sizeof(*times), by_size);
    printf("%-10s %d kills, %d processes, %d rounds with survivors", name, n,
           n_processes, n_failed);
    if (n_good > 0)
        printf("; last death after us: min %ld, median %ld, 90%% %ld, "
               "99%% %ld, max %ld",
               (long)times[0], (long)times[n_good / 2],
               (long)times[n_good * 9 / 10], (long)times[n_good * 99 / 100],
               (long)times[n_good - 1]);
    printf("; %d later than %d ms\n", n_late, LATE);
    fflush(stdout);
    free(times);
    return n_failed;
}

int main(int argc, char **argv)
{
    const char *kills = getenv("KILLS");
    apr_pool_t *pool;
    int n, n_failed;

    job_role(argc, argv);
    n = kills != NULL && atoi(kills) > 0 ? atoi(kills) : test_scale(KILLS);
    if (pal_initialize() != APR_SUCCESS
        || apr_pool_create(&pool, NULL) != APR_SUCCESS)
        return 1;
    n = (n + 2) / 3;
    n_failed = kill_many("groups", PAL_JOB_GROUPS, n, pool);
    n_failed += kill_many("namespaces", PAL_JOB_NAMESPACES, n, pool);
    n_failed += kill_many("cgroup", PAL_JOB_CGROUP, n, pool);
    apr_pool_destroy(pool);
    pal_terminate();
    printf("%d passed, %d failed\n", n_failed == 0, n_failed);
    return n_failed != 0;
}
