#include "config.h"

#include "../pal_private.h"
#include "process_win32.h"

#include <pal/privilege.h>

#include <apr_time.h>

#include <stdlib.h>

#include <errno.h>

#include <windows.h>

#include <psapi.h>

#define MAX_WAIT 0x7fffffff /* ms */

pal_process_t *pal__process_new(void)
{
    pal_process_t *process = calloc(1, sizeof(*process));
    int i;

    if (process == NULL)
        return NULL;
    process->exit_code = -1;
    for (i = 0; i < PAL__N_STDIO; i++)
        process->pipes[i] = PAL_HANDLE_NONE;
    return process;
}

void pal__process_free(pal_process_t *process)
{
    int i;

    for (i = 0; i < PAL__N_STDIO; i++)
        pal_handle_close(&process->pipes[i]);
    if (process->handle != NULL)
        (void)CloseHandle(process->handle);
    free(process);
}

apr_status_t pal_process_attach(pal_process_t **ret_process, apr_int64_t pid)
{
    const DWORD rights =
        SYNCHRONIZE | PROCESS_TERMINATE | PROCESS_QUERY_LIMITED_INFORMATION;
    pal_process_t *process;
    apr_status_t rv = APR_SUCCESS;

    if (pid <= 0 || pid > 0xffffffff)
        return APR_EINVAL;
    process = pal__process_new();
    if (process == NULL)
        return APR_ENOMEM;
    /* To send it handles takes one more right. */
    process->handle =
        OpenProcess(rights | PROCESS_DUP_HANDLE, FALSE, (DWORD)pid);
    if (process->handle == NULL)
        process->handle = OpenProcess(rights, FALSE, (DWORD)pid);
    if (process->handle == NULL)
        rv = GetLastError() == ERROR_INVALID_PARAMETER ? ESRCH
                                                       : apr_get_os_error();
    /* Somebody else's handle keeps the pid of one that has ended. */
    else if (WaitForSingleObject(process->handle, 0) == WAIT_OBJECT_0)
        rv = ESRCH;
    if (rv != APR_SUCCESS) {
        pal__process_free(process);
        return rv;
    }
    process->pid = (DWORD)pid;
    process->is_attached = 1;
    *ret_process = process;
    return APR_SUCCESS;
}

apr_status_t pal_process_pipe_take(pal_process_t *process, int number,
                                   pal_handle_t *ret_handle)
{
    if (number < 0 || number >= PAL__N_STDIO
        || process->pipes[number] == PAL_HANDLE_NONE)
        return APR_ENOENT;
    *ret_handle = process->pipes[number];
    process->pipes[number] = PAL_HANDLE_NONE;
    return APR_SUCCESS;
}

pal_handle_t pal__process_handle(pal_process_t *process)
{
    return (pal_handle_t)process->handle;
}

apr_int64_t pal_process_pid(pal_process_t *process)
{
    return process->pid;
}

int pal_process_held(pal_process_t *process, pal_step_t step)
{
    return (int)step >= 0 && (int)step < PAL__N_STEPS
           && (process->held >> step & 1) != 0;
}

static apr_status_t end_by(pal_process_t *process, int number)
{
    DWORD error;

    if (TerminateProcess(process->handle, PAL__SIGNAL_CODE | (UINT)number))
        return APR_SUCCESS;
    error = GetLastError(); /* "access denied" once it has ended */
    return WaitForSingleObject(process->handle, 0) == WAIT_OBJECT_0
               ? APR_SUCCESS
               : APR_FROM_OS_ERROR(error);
}

apr_status_t pal_process_signal(pal_process_t *process, int number)
{
    if (number == PAL__SIGKILL || number == PAL__SIGABRT)
        return end_by(process, number);
    return number == 0 ? APR_SUCCESS : APR_ENOTIMPL;
}

apr_status_t pal_process_kill(pal_process_t *process)
{
    return end_by(process, PAL__SIGKILL);
}

apr_status_t pal_process_abort(pal_process_t *process)
{
    return end_by(process, PAL__SIGABRT);
}

/* Times of the system are in units of 100 ns. */
static apr_interval_time_t microseconds(const FILETIME *time)
{
    return (apr_interval_time_t)(((apr_uint64_t)time->dwHighDateTime << 32
                                  | time->dwLowDateTime)
                                 / 10);
}

static void read_end(pal_process_t *process)
{
    FILETIME created, ended, kernel, user;
    PROCESS_MEMORY_COUNTERS memory;
    DWORD code;

    if (GetExitCodeProcess(process->handle, &code)) {
        if ((code & PAL__SIGNAL_MASK) == PAL__SIGNAL_CODE)
            process->exit_signal = (int)(code & ~PAL__SIGNAL_MASK);
        else
            process->exit_code = (int)code;
    }
    if (GetProcessTimes(process->handle, &created, &ended, &kernel, &user)) {
        process->user_time = microseconds(&user);
        process->system_time = microseconds(&kernel);
    }
    if (K32GetProcessMemoryInfo(process->handle, &memory, sizeof(memory)))
        process->peak_memory = memory.PeakWorkingSetSize;
}

/* Wait that many milliseconds, and look whether it has ended. */
static int has_ended_within(pal_process_t *process, DWORD ms)
{
    if (process->has_ended)
        return 1;
    if (WaitForSingleObject(process->handle, ms) != WAIT_OBJECT_0)
        return 0;
    process->has_ended = 1;
    if (!process->is_attached)
        read_end(process);
    return 1;
}

apr_status_t pal_process_wait(pal_process_t *process,
                              apr_interval_time_t timeout)
{
    apr_time_t start = pal__clock_now();
    apr_interval_time_t left = timeout;

    if (has_ended_within(process, timeout < 0 ? INFINITE : 0))
        return APR_SUCCESS;
    for (; left > 0; left = timeout - (pal__clock_now() - start)) {
        left = left / 1000 + 1; /* milliseconds, rounded up */
        if (has_ended_within(process,
                             left < MAX_WAIT ? (DWORD)left : MAX_WAIT))
            return APR_SUCCESS;
    }
    return APR_TIMEUP;
}

static void on_ready(void *baton, int events)
{
    pal_process_t *process = baton;
    pal_process_fn_t fn = process->fn;

    (void)events;
    if (!has_ended_within(process, 0))
        return;
    pal_watch_close(&process->watch);
    fn(process->baton, process); /* may close the process */
}

apr_status_t pal_process_watch(pal_process_t *process, pal_loop_t *loop,
                               pal_process_fn_t fn, void *baton)
{
    if (fn == NULL) {
        if (process->watch != NULL)
            pal_watch_close(&process->watch);
        return APR_SUCCESS;
    }
    if (process->watch != NULL)
        return APR_EEXIST;
    process->fn = fn;
    process->baton = baton;
    return pal_watch_create(&process->watch, loop,
                            (pal_handle_t)process->handle, PAL_READABLE,
                            on_ready, process);
}

int pal_process_has_ended(pal_process_t *process)
{
    return process->has_ended;
}

int pal_process_exit_code(pal_process_t *process)
{
    return process->exit_code;
}

int pal_process_exit_signal(pal_process_t *process)
{
    return process->exit_signal;
}

int pal_process_dumped_core(pal_process_t *process)
{
    (void)process;
    return 0;
}

apr_interval_time_t pal_process_user_time(pal_process_t *process)
{
    return process->user_time;
}

apr_interval_time_t pal_process_system_time(pal_process_t *process)
{
    return process->system_time;
}

apr_uint64_t pal_process_peak_memory(pal_process_t *process)
{
    return process->peak_memory;
}

void pal_process_close(pal_process_t **process)
{
    pal_process_t *closing = *process;

    if (closing == NULL)
        return;
    if (closing->watch != NULL)
        pal_watch_close(&closing->watch);
    pal__process_free(closing);
    *process = NULL;
}
