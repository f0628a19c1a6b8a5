/* Jobs: sets of processes that die together.
 *
 *   pal_job_create(&job, pool);
 *   pal_job_open(job);
 *   pal_command_job_set(command, job);
 *   pal_process_start(&process, command);
 *   ...
 *   pal_job_kill(job);
 *   pal_job_wait(job, -1);
 *   pal_job_close(job);
 *
 * A child launched into a job is a member from its first instruction on, and
 * what it starts is too. When this process dies, however it dies, all members
 * are killed within some milliseconds, launches under way included. (A
 * process launched without a job dies with its parent too, see
 * pal_command_die_with_parent_set, but not what it starts.)
 *
 * How the members are held is the system's choice; pal_job_held tells. What
 * gets away:
 *
 *   PAL_JOB_CGROUP  a cgroup (version 2) below that of this process. Nothing
 *       gets away, however often it forks or calls setsid, but a process with
 *       the right to move itself to another cgroup: root, or the user whom
 *       the tree was delegated to, by writing to a cgroup.procs on purpose.
 *       Needs Linux 5.14 and a cgroup that this process may make others in:
 *       root's, or a delegated one (systemd: Delegate=yes).
 *   PAL_JOB_NAMESPACES  each child launched is process 1 of a pid namespace,
 *       and leads a process group as below. All in the namespace ends with the
 *       child, however the child ends, and cannot leave it, however often it
 *       forks or calls setsid. Nor does that take a keeper, unless the child
 *       takes other ids or capabilities once it runs. Processes that others
 *       start at its request (a service manager, a container daemon) were
 *       never in it.
 *       Only if pal_job_ways_set asks for it, because a program notices.
 *       Process 1 is not ended by signals that it does not handle, SIGTERM and
 *       its own SIGABRT included, but for SIGKILL from outside and faults of
 *       its own; orphans become its children, to be waited for, or they stay
 *       zombies; daemons end with it; pids inside are not those outside, which
 *       /proc goes on to show. Where this process may not make pid namespaces,
 *       a user namespace comes with it: one uid and one gid are mapped, other
 *       owners of files show as nobody, set-user-id programs gain nothing
 *       (privilege.h).
 *       Needs pidfds, Linux 5.3.
 *   PAL_JOB_GROUPS  each child launched leads a process group, in the session
 *       of this process. All that stays in the group is held: children,
 *       children of children, orphans. Whoever calls setsid or setpgid gets
 *       away, with all that it starts from then on: daemons, pipelines of a
 *       shell with job control, setsid(1). So does what changes its ids to
 *       where this process may not send signals (sudo). The child itself is
 *       held in any case while this process lives, and dies with it. A
 *       command that names another process group puts only the child itself
 *       into the job.
 *       Being no foreground group, members that read from the terminal are
 *       stopped, and its interrupt key does not reach them.
 *   PAL_JOB_OBJECT  a job object of Windows, and all there is there. Nothing
 *       gets away but what is started on the member's behalf by a service. It
 *       is closed with this process, which ends the members. Limits of memory
 *       count what is committed.
 *   PAL_JOB_KEEPER  a process that outlives this one by as long as it takes
 *       to kill the members: the program pal-keeper, one for each open job.
 *       It is told of each member by the member itself, before that runs its
 *       program. If somebody kills the keeper, the members stay under
 *       pal_job_kill, further launches fail, and the death of this process
 *       ends its children but not what they started. If somebody stops it
 *       (SIGSTOP), what it is for waits until it is continued; without a
 *       cgroup, a launch after some dozens that it has not read of waits for
 *       2 s and fails.
 *
 * A job takes about five descriptors and, without a cgroup, one more for each
 * child, also of some that have ended; these are given up when a launch would
 * fail for want of them.
 *
 * The job belongs to the process that opened it. A copy made by fork does not
 * keep the members alive, and exec, after which nobody knows the job, kills
 * them too.
 *
 * Life cycle: create, set, open, launch, close.
 *
 * Threads: setting up and closing by one thread, with no other call on the
 * job under way; pal_job_wait and pal_job_watch by one thread at a time;
 * launches, pal_job_kill, pal_job_count, pal_job_held and pal_job_limit_set:
 * any. */
#ifndef PAL_JOB_H
#define PAL_JOB_H

#include <apr_pools.h>
#include <apr_time.h>

#include <pal/loop.h>
#include <pal/process.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pal_job_t pal_job_t;

/* Mechanisms, to be joined by or. */
enum {
    PAL_JOB_GROUPS = 1,
    PAL_JOB_CGROUP = 2,
    PAL_JOB_KEEPER = 4,
    PAL_JOB_NAMESPACES = 8,
    PAL_JOB_OBJECT = 16
};

typedef enum {
    PAL_JOB_LIMIT_MEMORY,    /* bytes of all members together */
    PAL_JOB_LIMIT_PROCESSES, /* how many, threads counted */
    PAL_JOB_LIMIT_CPU        /* time, in hundredths of one processor's */
} pal_job_limit_t;

/* Make a job with nothing in it. Closed by pal_job_close or with its pool. */
apr_status_t pal_job_create(pal_job_t **ret_job, apr_pool_t *pool);

/* Where the keeper is, if not where pal was configured to install it. NULL:
 * do without one; then the death of this process kills its children but not
 * what they started, outside of namespaces. The string is copied. */
apr_status_t pal_job_keeper_set(pal_job_t *job, const char *path);

/* Which of PAL_JOB_CGROUP, PAL_JOB_NAMESPACES and PAL_JOB_GROUPS may be used
 * (default: the first and the last). The first of these that is to be had is
 * taken; so without PAL_JOB_GROUPS nothing gets away, or the job does not
 * open. */
apr_status_t pal_job_ways_set(pal_job_t *job, int ways);

/* Kill the members when this process dies, and at pal_job_close (default:
 * on). Off: there is no keeper, and members live on; their cgroup stays, and
 * is to be removed by others. Whether a child dies with its parent is set for
 * the command as well, and that default is on too. */
apr_status_t pal_job_die_with_parent_set(pal_job_t *job, int on);

/* Begin. Starts the keeper and waits until it is ready.
 * Errors: PAL_E_KEEPER: no keeper could be found or started (a launch without
 * a job, or in one without a keeper, is still covered by the parent-death
 * signal); APR_ENOTIMPL: none of the ways is to be had, or pal was built with
 * --disable-linux-native; APR_EEXIST: open already; what the system says. A
 * way that fails for want of descriptors, memory or processes fails the call,
 * and none that holds less is taken in its place. */
apr_status_t pal_job_open(pal_job_t *job);

/* What holds the members: mechanisms joined by or; 0 if it is not open. */
int pal_job_held(pal_job_t *job);

/* Launch by `command` into `job` from now on; NULL: into none. The launch
 * fails with PAL_STEP_JOB: PAL_E_KEEPER if the keeper is no more, APR_EAGAIN
 * if it is stopped, APR_EINVAL if the job is not open, or has a cgroup and the
 * command names another.
 * Namespaces of the job are joined to those that the command names, and are
 * strict whatever its mode: PAL_STEP_NAMESPACES.
 * Ownership: borrowed until the last launch. */
apr_status_t pal_command_job_set(pal_command_t *command, pal_job_t *job);

/* Limit all members together, present and future.
 * Errors: APR_ENOTIMPL: the job has no cgroup, or the system's set-up does not
 * offer the controller there. It is never made available by moving this
 * process elsewhere. */
apr_status_t pal_job_limit_set(pal_job_t *job, pal_job_limit_t limit,
                               apr_uint64_t value);

/* Kill all members (SIGKILL). Does not wait. A launch under way at the same
 * time may come before or after. */
apr_status_t pal_job_kill(pal_job_t *job);

/* Number of members that run: ended ones do not count, read or not. Without a
 * cgroup they must be looked for among all processes of the system, and this
 * takes about 10 us for each of those; with pid namespaces one whose parent
 * ends meanwhile may be missed if the parent's number is the higher one. */
apr_status_t pal_job_count(pal_job_t *job, int *ret_count);

/* Wait until no member runs, at most `timeout` (< 0: no limit, 0: only ask).
 * The statuses of children are not touched. With process groups, the end of
 * what outlived the child that started it is noticed up to 50 ms late.
 * Errors: APR_TIMEUP; APR_EINVAL: not open; APR_EEXIST: it is watched. */
apr_status_t pal_job_wait(pal_job_t *job, apr_interval_time_t timeout);

/* Have `fn` called on `loop` once when no member runs (also if none does
 * already), never from inside this call. The job may be closed in it.
 * pal_job_close or a NULL `fn` ends the watch.
 * Errors: APR_EINVAL: not open; APR_EEXIST: one watch a job. */
typedef void (*pal_job_fn_t)(void *baton, pal_job_t *job);
apr_status_t pal_job_watch(pal_job_t *job, pal_loop_t *loop, pal_job_fn_t fn,
                           void *baton);

/* Kill the members, wait until they are dead and release what the job holds
 * of the system. A member that the kernel cannot end within 5 s is left to
 * the keeper. Processes of members stay the caller's, to be closed. Nothing
 * happens if the job is not open. */
void pal_job_close(pal_job_t *job);

#ifdef __cplusplus
}
#endif
#endif
