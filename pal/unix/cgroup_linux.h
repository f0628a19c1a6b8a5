/* Making a cgroup (version 2) below that of this process.
 *
 * The caller stays where it is: the new cgroup has no controllers but those
 * which the one of the caller hands down already.
 *
 * In two steps, find and make, so that one who will remove it can be there
 * before it is.
 *
 * Threads: any. */
#ifndef PAL_CGROUP_LINUX_H
#define PAL_CGROUP_LINUX_H

#include <apr_errno.h>

typedef struct pal__cgroup_t {
    int parent; /* folder of this process's own cgroup */
    int folder; /* of the new one; this and the next are -1 until made */
    int procs;  /* cgroup.procs, to be written by those who enter */
    int events; /* cgroup.events: tells by POLLPRI that the last has left */
    char name[64];
} pal__cgroup_t;

/* Choose where, and a name that no other has, in whatever pid namespace.
 * Errors: what stands in the way. */
apr_status_t pal__cgroup_find(pal__cgroup_t *cgroup);

/* Make it. After a failure there is none; close all the same. */
apr_status_t pal__cgroup_make(pal__cgroup_t *cgroup);

/* Close all, and remove it if nothing runs in it. */
void pal__cgroup_close(pal__cgroup_t *cgroup);

/* Does anything run in it? */
int pal__cgroup_is_populated(const pal__cgroup_t *cgroup);

/* The number of processes that run in it. */
apr_status_t pal__cgroup_count(const pal__cgroup_t *cgroup, int *ret_count);

/* Write a value to one of its files. Errors: APR_ENOTIMPL if there is no such
 * file: the controller is not offered. */
apr_status_t pal__cgroup_write(const pal__cgroup_t *cgroup, const char *file,
                               const char *value);

#endif
