#include "config.h"

#include <pal/job.h>

#include "../process_private.h"

/* The platform's half of jobs where there is none: they cannot be opened. */

apr_status_t pal_job_open(pal_job_t *job)
{
    (void)job;
    return APR_ENOTIMPL;
}

int pal_job_held(pal_job_t *job)
{
    (void)job;
    return 0;
}

apr_status_t pal__job_entering(pal_job_t *job, pal__job_entry_t *ret_entry)
{
    (void)job;
    (void)ret_entry;
    return APR_EINVAL;
}

void pal__job_entered(pal_job_t *job, pal_process_t *process)
{
    (void)job;
    (void)process;
}

apr_status_t pal_job_limit_set(pal_job_t *job, pal_job_limit_t limit,
                               apr_uint64_t value)
{
    (void)job;
    (void)limit;
    (void)value;
    return APR_EINVAL;
}

apr_status_t pal_job_kill(pal_job_t *job)
{
    (void)job;
    return APR_EINVAL;
}

apr_status_t pal_job_count(pal_job_t *job, int *ret_count)
{
    (void)job;
    (void)ret_count;
    return APR_EINVAL;
}

apr_status_t pal_job_wait(pal_job_t *job, apr_interval_time_t timeout)
{
    (void)job;
    (void)timeout;
    return APR_EINVAL;
}

apr_status_t pal_job_watch(pal_job_t *job, pal_loop_t *loop, pal_job_fn_t fn,
                           void *baton)
{
    (void)job;
    (void)loop;
    (void)fn;
    (void)baton;
    return APR_EINVAL;
}

void pal_job_close(pal_job_t *job)
{
    (void)job;
}
