#include "config.h"

#include "../process_private.h"
#include "../quote.h"
#include "block_win32.h"
#include "inherit_win32.h"
#include "job_win32.h"
#include "process_win32.h"
#include "program_win32.h"
#include "token_win32.h"
#include "wide_win32.h"

#include <pal/status.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>

#include <windows.h>

#define MAX_COMMAND_LINE 32767 /* units, with the zero */
#define N_ATTRIBUTES 4

/* What a launch makes and releases again. */
typedef struct launch_t {
    const pal_command_t *command;
    pal_process_t *process;
    pal_step_t step;
    WCHAR *program, *line, *block, *folder;
    HANDLE token;   /* or NULL: that of this process */
    HANDLE limits;  /* job that holds the limits of this child, or NULL */
    HANDLE jobs[2]; /* to enter, outer first */
    int n_jobs;
    pal__inherit_t inherit;
    DWORD64 mitigations;
    DWORD child_policy;
    DWORD flags;
    STARTUPINFOEXW startup;
} launch_t;

/* ---- what is refused ---- */

/* What a command may ask for and Windows has not, with the step at which it
 * fails. */
static int lacks(const pal_command_t *command, pal_step_t step)
{
    int i;

    switch (step) {
    case PAL_STEP_CGROUP:
        return command->cgroup != PAL_HANDLE_NONE;
    case PAL_STEP_SESSION:
        return command->umask.is_set || command->terminal != PAL_HANDLE_NONE
               || (command->group.is_set && command->group.value != 0);
    case PAL_STEP_NAMESPACES:
        return command->namespaces != 0;
    case PAL_STEP_SCHEDULE:
        return command->oom_score.is_set;
    case PAL_STEP_HOOK:
        return command->hook != NULL;
    case PAL_STEP_LIMITS:
        for (i = 0; i < PAL__N_LIMITS; i++)
            if (command->limits[i].is_set && i != PAL_LIMIT_MEMORY
                && i != PAL_LIMIT_CPU
                && (i != PAL_LIMIT_CORE || command->limits[i].value != 0))
                return 1;
        return 0;
    case PAL_STEP_IDS:
        return command->uid.is_set || command->gid.is_set
               || command->n_groups >= 0;
    case PAL_STEP_CAPABILITIES:
        for (i = 0; i < PAL__N_CAPABILITY_SETS; i++)
            if (command->capabilities[i].is_set)
                return 1;
        return 0;
    case PAL_STEP_LANDLOCK:
        return command->rules != NULL;
    case PAL_STEP_SECCOMP:
        return command->filter != NULL;
    default:
        return 0;
    }
}

static apr_status_t check_steps(launch_t *launch)
{
    unsigned int wanted = pal__command_wanted(launch->command);
    int step;

    for (step = PAL_STEP_CGROUP; step < PAL__N_STEPS; step++) {
        if (!lacks(launch->command, (pal_step_t)step)) {
            launch->process->held |= wanted & 1u << step;
            continue;
        }
        if (launch->command->modes[step] == PAL_CONFINE_STRICT) {
            launch->step = (pal_step_t)step;
            return APR_ENOTIMPL;
        }
    }
    return APR_SUCCESS;
}

/* A step that could not be done: a failure, or left out. */
static apr_status_t left_out(launch_t *launch, pal_step_t step,
                             apr_status_t rv)
{
    if (rv == APR_SUCCESS)
        return rv;
    launch->process->held &= ~(1u << step);
    if (launch->command->modes[step] == PAL_CONFINE_BEST_EFFORT)
        return APR_SUCCESS;
    launch->step = step;
    return rv;
}

/* ---- strings ---- */

static apr_status_t make_line(launch_t *launch, char *const *argv)
{
    apr_size_t size = pal__quote(NULL, argv);
    apr_status_t rv;
    char *line;

    if (size == 0)
        return APR_EINVAL;
    line = malloc(size);
    if (line == NULL)
        return APR_ENOMEM;
    (void)pal__quote(line, argv);
    rv = pal__wide(&launch->line, line);
    free(line);
    if (rv == APR_SUCCESS && wcslen(launch->line) >= MAX_COMMAND_LINE)
        rv = E2BIG;
    return rv;
}

static apr_status_t make_strings(launch_t *launch, char *const *argv,
                                 char *const *envp)
{
    const pal_command_t *command = launch->command;
    apr_status_t rv = make_line(launch, argv);

    if (rv == APR_SUCCESS)
        rv = pal__block_make(&launch->block, envp);
    if (rv != APR_SUCCESS)
        return rv;
    launch->step = PAL_STEP_FOLDER;
    if (command->folder != NULL)
        rv = pal__wide(&launch->folder, command->folder);
    else if (command->folder_handle != PAL_HANDLE_NONE)
        rv = pal__program_of_handle(&launch->folder, command->folder_handle);
    if (rv != APR_SUCCESS)
        return rv;
    launch->step = PAL_STEP_EXEC;
    return pal__program_find(&launch->program, command, envp);
}

/* ---- jobs and limits ---- */

static apr_status_t make_limits(launch_t *launch)
{
    const pal__setting_t *memory = &launch->command->limits[PAL_LIMIT_MEMORY];
    const pal__setting_t *cpu = &launch->command->limits[PAL_LIMIT_CPU];
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION info;

    if (!memory->is_set && !cpu->is_set)
        return APR_SUCCESS;
    memset(&info, 0, sizeof(info));
    if (memory->is_set) {
        info.BasicLimitInformation.LimitFlags |=
            JOB_OBJECT_LIMIT_PROCESS_MEMORY;
        info.ProcessMemoryLimit = (SIZE_T)memory->value;
    }
    if (cpu->is_set) {
        info.BasicLimitInformation.LimitFlags |= JOB_OBJECT_LIMIT_PROCESS_TIME;
        info.BasicLimitInformation.PerProcessUserTimeLimit.QuadPart =
            (LONGLONG)(cpu->value * 10000000); /* units of 100 ns */
    }
    launch->limits = CreateJobObjectW(NULL, NULL);
    if (launch->limits == NULL
        || !SetInformationJobObject(launch->limits,
                                    JobObjectExtendedLimitInformation, &info,
                                    sizeof(info)))
        return apr_get_os_error();
    launch->jobs[launch->n_jobs++] = launch->limits;
    return APR_SUCCESS;
}

/* A child in a job of the program's dies as that job says: there are nested
 * jobs, but each has one place in the tree for good. */
static apr_status_t choose_jobs(launch_t *launch)
{
    const pal_command_t *command = launch->command;
    HANDLE job = NULL;

    launch->step = PAL_STEP_PARENT;
    if (command->job != NULL)
        job = pal__job_object(command->job);
    else if (command->die_with_parent) {
        job = pal__job_of_children();
        if (job == NULL)
            return apr_get_os_error();
    }
    if (job != NULL)
        launch->jobs[launch->n_jobs++] = job;
    return left_out(launch, PAL_STEP_LIMITS, make_limits(launch));
}

/* ---- the launch ---- */

static DWORD priority_class(const pal__setting_t *nice)
{
    apr_int64_t value = (apr_int64_t)nice->value;

    if (!nice->is_set)
        return 0;
    if (value == 0)
        return NORMAL_PRIORITY_CLASS;
    if (value > 0)
        return value < 15 ? BELOW_NORMAL_PRIORITY_CLASS : IDLE_PRIORITY_CLASS;
    return value > -15 ? ABOVE_NORMAL_PRIORITY_CLASS : HIGH_PRIORITY_CLASS;
}

static apr_status_t set_attribute(launch_t *launch, DWORD_PTR name,
                                  void *value, apr_size_t size)
{
    return UpdateProcThreadAttribute(launch->startup.lpAttributeList, 0, name,
                                     value, size, NULL, NULL)
               ? APR_SUCCESS
               : apr_get_os_error();
}

static apr_status_t set_attributes(launch_t *launch)
{
    SIZE_T size = 0;
    apr_status_t rv = APR_SUCCESS;

    (void)InitializeProcThreadAttributeList(NULL, N_ATTRIBUTES, 0, &size);
    launch->startup.lpAttributeList = malloc(size);
    if (launch->startup.lpAttributeList == NULL)
        return APR_ENOMEM;
    if (!InitializeProcThreadAttributeList(launch->startup.lpAttributeList,
                                           N_ATTRIBUTES, 0, &size)) {
        rv = apr_get_os_error();
        free(launch->startup.lpAttributeList);
        launch->startup.lpAttributeList = NULL;
        return rv;
    }
    if (launch->inherit.n > 0)
        rv = set_attribute(launch, PROC_THREAD_ATTRIBUTE_HANDLE_LIST,
                           launch->inherit.handles,
                           (apr_size_t)launch->inherit.n * sizeof(HANDLE));
    if (rv == APR_SUCCESS && launch->n_jobs > 0)
        rv =
            set_attribute(launch, PROC_THREAD_ATTRIBUTE_JOB_LIST, launch->jobs,
                          (apr_size_t)launch->n_jobs * sizeof(HANDLE));
    if (rv == APR_SUCCESS && launch->mitigations != 0)
        rv = set_attribute(launch, PROC_THREAD_ATTRIBUTE_MITIGATION_POLICY,
                           &launch->mitigations, sizeof(launch->mitigations));
    if (rv == APR_SUCCESS && launch->child_policy != 0)
        rv =
            set_attribute(launch, PROC_THREAD_ATTRIBUTE_CHILD_PROCESS_POLICY,
                          &launch->child_policy, sizeof(launch->child_policy));
    return rv;
}

static apr_status_t create(launch_t *launch, PROCESS_INFORMATION *ret_info)
{
    const pal_command_t *command = launch->command;
    BOOL inherits = launch->inherit.n > 0;
    BOOL made;

    launch->flags |= CREATE_UNICODE_ENVIRONMENT | EXTENDED_STARTUPINFO_PRESENT
                     | priority_class(&command->nice);
    if (command->n_cpus > 0)
        launch->flags |= CREATE_SUSPENDED;
    if (command->session)
        launch->flags |= DETACHED_PROCESS;
    if (command->group.is_set)
        launch->flags |= CREATE_NEW_PROCESS_GROUP;
    if (launch->token != NULL)
        made = CreateProcessAsUserW(
            launch->token, launch->program, launch->line, NULL, NULL, inherits,
            launch->flags, launch->block, launch->folder,
            &launch->startup.StartupInfo, ret_info);
    else
        made =
            CreateProcessW(launch->program, launch->line, NULL, NULL, inherits,
                           launch->flags, launch->block, launch->folder,
                           &launch->startup.StartupInfo, ret_info);
    if (made)
        return APR_SUCCESS;
    if (GetLastError() == ERROR_BAD_EXE_FORMAT)
        return ENOEXEC;
    return apr_get_os_error();
}

/* A child that waits to be set up, and then runs. */
static apr_status_t set_up(launch_t *launch, const PROCESS_INFORMATION *info)
{
    DWORD_PTR mask = launch->command->cpus[0];
    apr_status_t rv = APR_SUCCESS;

    if (launch->command->n_cpus == 0)
        return APR_SUCCESS;
    if (!SetProcessAffinityMask(info->hProcess, mask))
        rv = left_out(launch, PAL_STEP_SCHEDULE, apr_get_os_error());
    if (rv == APR_SUCCESS && ResumeThread(info->hThread) == (DWORD)-1)
        rv = apr_get_os_error();
    if (rv != APR_SUCCESS)
        (void)TerminateProcess(info->hProcess, 1);
    return rv;
}

static apr_status_t start(launch_t *launch)
{
    PROCESS_INFORMATION info;
    apr_status_t rv = set_attributes(launch);

    launch->step = PAL_STEP_HANDLES;
    if (rv == APR_SUCCESS)
        rv = pal__inherit_begin(&launch->inherit);
    if (rv != APR_SUCCESS)
        return rv;
    launch->step = PAL_STEP_EXEC;
    rv = create(launch, &info);
    pal__inherit_end(&launch->inherit);
    if (rv != APR_SUCCESS)
        return rv;
    rv = set_up(launch, &info);
    (void)CloseHandle(info.hThread);
    launch->process->handle = info.hProcess;
    launch->process->pid = info.dwProcessId;
    return rv;
}

static apr_status_t prepare(launch_t *launch, char *const *argv,
                            char *const *envp)
{
    STARTUPINFOW *startup = &launch->startup.StartupInfo;
    apr_status_t rv = check_steps(launch);

    if (rv == APR_SUCCESS)
        rv = make_strings(launch, argv, envp);
    if (rv == APR_SUCCESS)
        rv = choose_jobs(launch);
    if (rv == APR_SUCCESS)
        rv = left_out(launch, PAL_STEP_PRIVILEGES,
                      pal__token_make(launch->command, &launch->token,
                                      &launch->mitigations,
                                      &launch->child_policy));
    if (rv != APR_SUCCESS)
        return rv;
    launch->step = PAL_STEP_HANDLES;
    rv = pal__inherit_fill(&launch->inherit, launch->command,
                           launch->process->pipes);
    startup->cb = sizeof(launch->startup);
    startup->dwFlags = STARTF_USESTDHANDLES;
    startup->hStdInput = launch->inherit.stdio[0];
    startup->hStdOutput = launch->inherit.stdio[1];
    startup->hStdError = launch->inherit.stdio[2];
    return rv;
}

static void release(launch_t *launch)
{
    pal__inherit_release(&launch->inherit);
    if (launch->startup.lpAttributeList != NULL) {
        DeleteProcThreadAttributeList(launch->startup.lpAttributeList);
        free(launch->startup.lpAttributeList);
    }
    if (launch->token != NULL)
        (void)CloseHandle(launch->token);
    if (launch->limits != NULL)
        (void)CloseHandle(launch->limits);
    free(launch->program);
    free(launch->line);
    free(launch->block);
    free(launch->folder);
}

apr_status_t pal__process_launch(pal_process_t **ret_process,
                                 const pal_command_t *command,
                                 const pal__job_entry_t *entry,
                                 char *const *argv, char *const *envp,
                                 pal_step_t *ret_step)
{
    launch_t launch;
    apr_status_t rv;

    (void)entry;
    memset(&launch, 0, sizeof(launch));
    launch.command = command;
    launch.step = PAL_STEP_PREPARE;
    *ret_step = PAL_STEP_PREPARE;
    launch.process = pal__process_new();
    if (launch.process == NULL)
        return APR_ENOMEM;
    rv = prepare(&launch, argv, envp);
    if (rv == APR_SUCCESS)
        rv = start(&launch);
    release(&launch);
    if (rv != APR_SUCCESS) {
        *ret_step = launch.step;
        pal__process_free(launch.process);
        return rv;
    }
    *ret_process = launch.process;
    return APR_SUCCESS;
}
