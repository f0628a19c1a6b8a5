/* What the tests of jobs share: one job, the pipe that its processes say their
 * pids in (job_tree.h), and processes that miss something. */
#ifndef TESTS_JOB_RIG_H
#define TESTS_JOB_RIG_H

#include "job_tree.h"

#include <pal/handle.h>

#include <sys/types.h>

enum { JOB_RIG_MAX_PIDS = 1024, JOB_RIG_OWNED = 12 };

typedef struct job_rig_t {
    pal_job_t *job;
    pal_handle_t ends[2];
    pid_t pids[JOB_RIG_MAX_PIDS]; /* of those who said so */
    int n_pids;
} job_rig_t;

extern job_rig_t job_rig;

/* Open the job and the pipe; 0 if this way is not to be had, which is the
 * documented status. And close both: everyone is dead. */
int job_rig_set_up(int way);
void job_rig_tear_down(void);

/* Launch a tree into `job`; and wait for its process, and close it. */
pal_process_t *job_rig_start(pal_job_t *job, job_tree_t tree);
void job_rig_finish(pal_process_t *process);

/* Read pids until there are `n` or, with -1, until the end: everyone is dead.
 * Returns whether it came to that. */
int job_rig_read_pids(int n);

/* The members that run. */
int job_rig_count(void);

/* Kill an owner of JOB_RIG_OWNED processes of whom `wanted` are there;
 * `keeper` as in job_keeper. */
void job_rig_kill_owner(int way, int wanted, const char *keeper);

/* Run this program, or the cases named, once more in a process that `prepare`
 * has changed; it may also end it with 0. */
void job_rig_run_again(void (*prepare)(const char *path), char **args);

/* The same for an ordinary user, if this one is root. */
void job_rig_run_as_nobody(char **args);

#endif
