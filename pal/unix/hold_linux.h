/* Holding processes: what a job and its keeper, a program of its own without
 * any library, both do.
 *
 * A member is the child that was launched. It is known by its number, which
 * is that of its process group too, and by its pidfd, or -1 where there is
 * none.
 *
 * Threads: any. */
#ifndef PAL_HOLD_LINUX_H
#define PAL_HOLD_LINUX_H

#include <stddef.h>

#include <sys/types.h>

/* Where the keeper finds what it needs. */
enum {
    PAL__KEEPER_SOCKET,  /* members tell of themselves; at its end it ends */
    PAL__KEEPER_OWNER,   /* pidfd of the process that owns the job */
    PAL__KEEPER_STDERR,  /* nothing */
    PAL__KEEPER_CGROUPS, /* folder with the job's cgroup, if it has one */
    PAL__KEEPER_N_HANDLES
};

/* What a keeper says when it is ready. A change of what the two say to each
 * other changes it. */
#define PAL__KEEPER_READY 'K'

/* Send a signal to a member and to its process group; 0 only looks. Returns
 * 0 if there was anything to send it to, an ended process that nobody has
 * read the status of included, else an errno value. */
int pal__member_signal(pid_t pid, int pidfd, int number);

/* The number of processes that run in the process groups `groups`, ascending;
 * -1 if /proc cannot be read. */
int pal__groups_count(const pid_t *groups, size_t n);

/* The number of processes `roots`, ascending, and their descendants that run;
 * -1 if /proc cannot be read or without memory, and errno. */
int pal__trees_count(const pid_t *roots, size_t n);

/* Order of pid_t, for qsort and bsearch. */
int pal__pid_order(const void *left, const void *right);

/* Kill all in the cgroup that `folder` is. Returns 0 or an errno value. */
int pal__cgroup_kill(int folder);

/* Open the cgroup `name` in the folder `parent`. Returns -1 with errno. */
int pal__cgroup_open(int parent, const char *name);

/* Remove it, if nothing runs in it. Returns 0, also if there is none, or an
 * errno value. */
int pal__cgroup_remove(int parent, const char *name);

#endif
