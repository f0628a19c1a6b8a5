/* Programs that fill jobs, played by the test program itself: main calls
 * job_role first of all.
 *
 * A process of a tree has the writing end of a pipe as its descriptor 3, and
 * says its pid there once it is where it belongs; so the other end reads all
 * pids, and its end when the last process is dead. */
#ifndef TESTS_JOB_TREE_H
#define TESTS_JOB_TREE_H

#include <pal/job.h>

#define JOB_PIPE 3

/* What a member does before it waits for its death. */
typedef enum {
    JOB_STAY,          /* nothing */
    JOB_CHILD,         /* a child, both stay */
    JOB_ORPHAN,        /* a child, and ends */
    JOB_TWICE,         /* a child with a child, and both end */
    JOB_THREAD,        /* a child, and its first thread ends; both stay */
    JOB_SESSION,       /* a child that calls setsid, both stay */
    JOB_DAEMON,        /* a child that makes a daemon, and stays */
    JOB_SESSION_TWICE, /* a daemon: setsid between two forks, both end */
    JOB_N_TREES
} job_tree_t;

/* The number of processes that stay, and say so. */
int job_tree_size(job_tree_t tree);

/* Play the role that the arguments name; returns only if they name none. */
void job_role(int argc, char **argv);

/* Is there something to hold jobs in this build (--disable-linux-native)? */
int job_is_built(void);

/* Where the keeper of this build is; PAL_KEEPER may name another, "" none. */
const char *job_keeper(void);

/* A job that is held so, open; and a command that puts a tree into it, which
 * has `pipe` to write to. */
apr_status_t job_open(pal_job_t **ret_job, int way, apr_pool_t *pool);
apr_status_t job_command(pal_command_t **ret_command, pal_job_t *job,
                         job_tree_t tree, pal_handle_t pipe, apr_pool_t *pool);

/* A command for a process that owns a job of this kind and goes on launching
 * trees, `n` of them, and then says its own pid; none that would get away. */
apr_status_t job_owner_command(pal_command_t **ret_command, int way, int n,
                               pal_handle_t pipe, apr_pool_t *pool);

#endif
