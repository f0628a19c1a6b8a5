#include "config.h"

#include <pal/job.h>

#include "job_private.h"
#include "process_private.h"

#include <string.h>

static apr_status_t close_job(void *job)
{
    pal_job_close(job);
    return APR_SUCCESS;
}

apr_status_t pal_job_create(pal_job_t **ret_job, apr_pool_t *pool)
{
    pal_job_t *job = apr_palloc(pool, sizeof(*job));

    if (job == NULL)
        return APR_ENOMEM;
    memset(job, 0, sizeof(*job));
    job->pool = pool;
    job->keeper = PAL_KEEPER_PATH;
    job->ways = PAL_JOB_CGROUP | PAL_JOB_GROUPS;
    job->die_with_parent = 1;
    apr_pool_cleanup_register(pool, job, close_job, apr_pool_cleanup_null);
    *ret_job = job;
    return APR_SUCCESS;
}

apr_status_t pal_job_keeper_set(pal_job_t *job, const char *path)
{
    char *copy = NULL;

    if (path != NULL) {
        copy = apr_palloc(job->pool, strlen(path) + 1);
        if (copy == NULL)
            return APR_ENOMEM;
        strcpy(copy, path);
    }
    job->keeper = copy;
    return APR_SUCCESS;
}

apr_status_t pal_job_ways_set(pal_job_t *job, int ways)
{
    const int all = PAL_JOB_CGROUP | PAL_JOB_NAMESPACES | PAL_JOB_GROUPS;

    if (ways == 0 || (ways & ~all) != 0)
        return APR_EINVAL;
    job->ways = ways;
    return APR_SUCCESS;
}

apr_status_t pal_job_die_with_parent_set(pal_job_t *job, int on)
{
    job->die_with_parent = on != 0;
    return APR_SUCCESS;
}

apr_status_t pal_command_job_set(pal_command_t *command, pal_job_t *job)
{
    command->job = job;
    return APR_SUCCESS;
}
