#include "config.h"

#include "job_win32.h"

#include "../job_private.h"
#include "../pal_private.h"
#include "../process_private.h"
#include "process_win32.h"

#include <pal/self.h>
#include <pal/status.h>

#include <stdlib.h>
#include <string.h>

/* Members are held by a job object. It tells of what happens by messages to a
 * completion port, and not reliably: the end of a killed member may come
 * without one. So a message is only taken as a reason to count again, and
 * after a second without any it is counted all the same. */
#define RECOUNT_AFTER 1000 /* ms */
#define CLOSE_WAIT (5 * APR_USEC_PER_SEC)

struct pal__hold_t {
    HANDLE job;
    HANDLE port;
    HANDLE thread; /* that waits for a watch, or NULL */
    HANDLE event;  /* it has found no member left */
    pal__flag_t is_stopped;
    pal_watch_t *watch;
    pal_job_fn_t fn;
    void *baton;
};

static HANDLE make_object(DWORD flags)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION info;
    HANDLE job = CreateJobObjectW(NULL, NULL);

    memset(&info, 0, sizeof(info));
    info.BasicLimitInformation.LimitFlags = flags;
    if (job != NULL
        && !SetInformationJobObject(job, JobObjectExtendedLimitInformation,
                                    &info, sizeof(info))) {
        (void)CloseHandle(job);
        return NULL;
    }
    return job;
}

/* What children start does not die with them, as elsewhere. */
static BOOL CALLBACK make_job_of_children(PINIT_ONCE once, PVOID parameter,
                                          PVOID *ret_job)
{
    (void)once;
    (void)parameter;
    *ret_job = make_object(JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
                           | JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK);
    return *ret_job != NULL;
}

HANDLE pal__job_of_children(void)
{
    static INIT_ONCE once = INIT_ONCE_STATIC_INIT;
    PVOID job;

    return InitOnceExecuteOnce(&once, make_job_of_children, NULL, &job) ? job
                                                                        : NULL;
}

HANDLE pal__job_object(pal_job_t *job)
{
    return job->hold->job;
}

static void free_hold(struct pal__hold_t *hold)
{
    if (hold->event != NULL)
        (void)CloseHandle(hold->event);
    if (hold->port != NULL)
        (void)CloseHandle(hold->port);
    if (hold->job != NULL)
        (void)CloseHandle(hold->job);
    free(hold);
}

apr_status_t pal_job_open(pal_job_t *job)
{
    JOBOBJECT_ASSOCIATE_COMPLETION_PORT association;
    struct pal__hold_t *hold;
    apr_status_t rv;

    if (job->hold != NULL)
        return APR_EEXIST;
    hold = calloc(1, sizeof(*hold));
    if (hold == NULL)
        return APR_ENOMEM;
    hold->job = make_object(
        job->die_with_parent ? JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE : 0);
    if (hold->job != NULL)
        hold->port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    if (hold->port != NULL)
        hold->event = CreateEventW(NULL, TRUE, FALSE, NULL);
    association.CompletionKey = NULL;
    association.CompletionPort = hold->port;
    if (hold->event == NULL
        || !SetInformationJobObject(
            hold->job, JobObjectAssociateCompletionPortInformation,
            &association, sizeof(association))) {
        rv = apr_get_os_error();
        free_hold(hold);
        return rv;
    }
    job->hold = hold;
    return APR_SUCCESS;
}

int pal_job_held(pal_job_t *job)
{
    return job->hold != NULL ? PAL_JOB_OBJECT : 0;
}

/* Wait at most `ms` for a message, and take all that are there. */
static void take_messages(struct pal__hold_t *hold, DWORD ms)
{
    OVERLAPPED *message;
    ULONG_PTR key;
    DWORD n;

    while (GetQueuedCompletionStatus(hold->port, &n, &key, &message, ms))
        ms = 0;
}

apr_status_t pal__job_entering(pal_job_t *job, pal__job_entry_t *ret_entry)
{
    (void)ret_entry;
    if (job->hold == NULL)
        return APR_EINVAL;
    take_messages(job->hold, 0); /* nobody else may ever do */
    return APR_SUCCESS;
}

void pal__job_entered(pal_job_t *job, pal_process_t *process)
{
    (void)job;
    (void)process;
}

static apr_status_t set_limit(pal_job_t *job, DWORD flag, apr_uint64_t value)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION info;

    if (!QueryInformationJobObject(job->hold->job,
                                   JobObjectExtendedLimitInformation, &info,
                                   sizeof(info), NULL))
        return apr_get_os_error();
    info.BasicLimitInformation.LimitFlags |= flag;
    if (flag == JOB_OBJECT_LIMIT_JOB_MEMORY)
        info.JobMemoryLimit = (SIZE_T)value;
    else
        info.BasicLimitInformation.ActiveProcessLimit =
            value < MAXDWORD ? (DWORD)value : MAXDWORD;
    return SetInformationJobObject(job->hold->job,
                                   JobObjectExtendedLimitInformation, &info,
                                   sizeof(info))
               ? APR_SUCCESS
               : apr_get_os_error();
}

/* The system counts in 10000ths of all processors. */
static apr_status_t set_cpu_rate(pal_job_t *job, apr_uint64_t value)
{
    JOBOBJECT_CPU_RATE_CONTROL_INFORMATION info;
    apr_uint64_t rate = value * 100 / (apr_uint64_t)pal_self_cpus();

    memset(&info, 0, sizeof(info));
    info.ControlFlags = JOB_OBJECT_CPU_RATE_CONTROL_ENABLE
                        | JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP;
    info.CpuRate = rate < 1 ? 1 : rate < 10000 ? (DWORD)rate : 10000;
    return SetInformationJobObject(job->hold->job,
                                   JobObjectCpuRateControlInformation, &info,
                                   sizeof(info))
               ? APR_SUCCESS
               : apr_get_os_error();
}

apr_status_t pal_job_limit_set(pal_job_t *job, pal_job_limit_t limit,
                               apr_uint64_t value)
{
    if (job->hold == NULL)
        return APR_EINVAL;
    switch (limit) {
    case PAL_JOB_LIMIT_MEMORY:
        return set_limit(job, JOB_OBJECT_LIMIT_JOB_MEMORY, value);
    case PAL_JOB_LIMIT_PROCESSES:
        return set_limit(job, JOB_OBJECT_LIMIT_ACTIVE_PROCESS, value);
    case PAL_JOB_LIMIT_CPU:
        return value > 0 ? set_cpu_rate(job, value) : APR_EINVAL;
    }
    return APR_EINVAL;
}

apr_status_t pal_job_kill(pal_job_t *job)
{
    if (job->hold == NULL)
        return APR_EINVAL;
    return TerminateJobObject(job->hold->job, PAL__SIGNAL_CODE | PAL__SIGKILL)
               ? APR_SUCCESS
               : apr_get_os_error();
}

static apr_status_t count_members(struct pal__hold_t *hold, int *ret_count)
{
    JOBOBJECT_BASIC_ACCOUNTING_INFORMATION info;

    if (!QueryInformationJobObject(hold->job,
                                   JobObjectBasicAccountingInformation, &info,
                                   sizeof(info), NULL))
        return apr_get_os_error();
    *ret_count = (int)info.ActiveProcesses;
    return APR_SUCCESS;
}

apr_status_t pal_job_count(pal_job_t *job, int *ret_count)
{
    return job->hold != NULL ? count_members(job->hold, ret_count)
                             : APR_EINVAL;
}

apr_status_t pal_job_wait(pal_job_t *job, apr_interval_time_t timeout)
{
    apr_time_t start = pal__clock_now();
    apr_interval_time_t left = timeout;
    apr_status_t rv;
    int n;

    if (job->hold == NULL)
        return APR_EINVAL;
    if (job->hold->watch != NULL)
        return APR_EEXIST;
    for (;;) {
        rv = count_members(job->hold, &n);
        if (rv != APR_SUCCESS || n == 0)
            return rv;
        if (timeout >= 0)
            left = timeout - (pal__clock_now() - start);
        if (timeout >= 0 && left <= 0)
            return APR_TIMEUP;
        take_messages(job->hold, timeout < 0 || left / 1000 >= RECOUNT_AFTER
                                     ? RECOUNT_AFTER
                                     : (DWORD)(left / 1000) + 1);
    }
}

static DWORD WINAPI wait_for_members(void *baton)
{
    struct pal__hold_t *hold = baton;
    int n = 0;

    while (!pal__flag_get(&hold->is_stopped)
           && count_members(hold, &n) == APR_SUCCESS && n > 0)
        take_messages(hold, RECOUNT_AFTER);
    (void)SetEvent(hold->event);
    return 0;
}

static void end_watch(struct pal__hold_t *hold)
{
    if (hold->thread == NULL)
        return;
    (void)pal__flag_set(&hold->is_stopped, 1);
    (void)PostQueuedCompletionStatus(hold->port, 0, 0, NULL);
    (void)WaitForSingleObject(hold->thread, INFINITE);
    (void)CloseHandle(hold->thread);
    hold->thread = NULL;
    if (hold->watch != NULL)
        pal_watch_close(&hold->watch);
}

static void on_empty(void *baton, int events)
{
    pal_job_t *job = baton;
    pal_job_fn_t fn = job->hold->fn;

    (void)events;
    end_watch(job->hold);
    fn(job->hold->baton, job); /* may close the job */
}

apr_status_t pal_job_watch(pal_job_t *job, pal_loop_t *loop, pal_job_fn_t fn,
                           void *baton)
{
    struct pal__hold_t *hold = job->hold;
    apr_status_t rv;

    if (hold == NULL)
        return APR_EINVAL;
    if (fn == NULL) {
        end_watch(hold);
        return APR_SUCCESS;
    }
    if (hold->watch != NULL)
        return APR_EEXIST;
    hold->fn = fn;
    hold->baton = baton;
    (void)pal__flag_set(&hold->is_stopped, 0);
    (void)ResetEvent(hold->event);
    rv = pal_watch_create(&hold->watch, loop, (pal_handle_t)hold->event,
                          PAL_READABLE, on_empty, job);
    if (rv != APR_SUCCESS)
        return rv;
    hold->thread = CreateThread(NULL, 0, wait_for_members, hold, 0, NULL);
    if (hold->thread == NULL) {
        rv = apr_get_os_error();
        pal_watch_close(&hold->watch);
    }
    return rv;
}

void pal_job_close(pal_job_t *job)
{
    struct pal__hold_t *hold = job->hold;

    if (hold == NULL)
        return;
    end_watch(hold);
    if (job->die_with_parent) {
        (void)pal_job_kill(job);
        (void)pal_job_wait(job, CLOSE_WAIT);
    }
    job->hold = NULL;
    free_hold(hold);
}
