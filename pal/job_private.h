/* What job.c shares with the platform's half of <pal/job.h>.
 *
 * job.c keeps the settings; the platform (unix/job_linux.c) holds the
 * members. To port, provide pal__job_entering and pal__job_entered
 * (process_private.h) and every pal_job_* of the public header but
 * pal_job_create and the setters used before pal_job_open. */
#ifndef PAL_JOB_PRIVATE_H
#define PAL_JOB_PRIVATE_H

#include <apr_pools.h>

#include <pal/job.h>

struct pal_job_t {
    apr_pool_t *pool;
    const char *keeper; /* path, or NULL */
    int ways;
    int die_with_parent;
    struct pal__hold_t *hold; /* the platform's; NULL: not open */
};

#endif
