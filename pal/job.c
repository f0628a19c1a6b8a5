#include "config.h"

#include "process_private.h"

apr_status_t pal__job_entering(struct pal_job_t *job,
                               pal__job_entry_t *ret_entry)
{
    (void)job;
    (void)ret_entry;
    return APR_ENOTIMPL;
}

void pal__job_entered(struct pal_job_t *job, pal_process_t *process)
{
    (void)job;
    (void)process;
}
