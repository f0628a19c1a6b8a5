#include "config.h"

#include <pal/process.h>

#include "process_private.h"

#include <stdlib.h>

const char *pal_step_name(pal_step_t step)
{
    static const char *const names[PAL__N_STEPS] = {
        "none",
        "preparing",
        "making the process",
        "entering its job",
        "entering its cgroup",
        "setting up its session",
        "entering its working directory",
        "placing its handles",
        "setting up its namespaces",
        "setting its priorities",
        "running the hook",
        "setting its limits",
        "changing its ids",
        "setting its capabilities",
        "giving up privileges",
        "closing the file system",
        "tying it to its parent",
        "filtering its system calls",
        "running the program",
    };

    return (int)step >= 0 && (int)step < PAL__N_STEPS ? names[step]
                                                      : "unknown";
}

/* Fill `argv`, which has room for all arguments, argv[0] and NULL. */
static void fill_argv(const pal_command_t *command, char **argv)
{
    const pal__arg_t *arg;

    *argv++ =
        (char *)(command->argv0 != NULL ? command->argv0 : command->program);
    for (arg = command->args; arg != NULL; arg = arg->next)
        *argv++ = (char *)arg->text;
    *argv = NULL;
}

/* Launch it, into its job if it has one. */
static apr_status_t launch(pal_process_t **ret_process, pal_command_t *command,
                           char *const *argv, char *const *envp)
{
    pal__job_entry_t entry = PAL__JOB_ENTRY_NONE;
    pal_process_t *process = NULL;
    apr_status_t rv;

    if (command->job != NULL) {
        command->failed_step = PAL_STEP_JOB;
        rv = pal__job_entering(command->job, &entry);
        /* A process is in one cgroup only. */
        if (rv == APR_SUCCESS && entry.cgroup != PAL_HANDLE_NONE
            && command->cgroup != PAL_HANDLE_NONE)
            rv = APR_EINVAL;
        if (rv != APR_SUCCESS)
            return rv;
    }
    rv = pal__process_launch(&process, command, &entry, argv, envp,
                             &command->failed_step);
    if (command->job != NULL)
        pal__job_entered(command->job, process);
    if (rv == APR_SUCCESS)
        *ret_process = process;
    return rv;
}

apr_status_t pal_process_start(pal_process_t **ret_process,
                               pal_command_t *command)
{
    apr_size_t n_argv = (apr_size_t)command->n_args + 2;
    apr_size_t n_envp;
    char **environment, **lists;
    apr_status_t rv;

    command->failed_step = PAL_STEP_PREPARE;
    if (command->program_kind == PAL__PROGRAM_NONE)
        return APR_EINVAL;
    rv = pal__environment_get(&environment);
    if (rv != APR_SUCCESS)
        return rv;
    n_envp = pal__environment_size(command, environment) + 1;
    lists = malloc((n_argv + n_envp) * sizeof(*lists));
    if (lists == NULL) {
        pal__environment_put(environment);
        return APR_ENOMEM;
    }
    fill_argv(command, lists);
    pal__environment_fill(command, environment, lists + n_argv);
    rv = launch(ret_process, command, lists, lists + n_argv);
    /* The job has let go of what it held of ended members. */
    if (APR_STATUS_IS_EMFILE(rv) && command->job != NULL)
        rv = launch(ret_process, command, lists, lists + n_argv);
    if (rv == APR_SUCCESS)
        command->failed_step = PAL_STEP_NONE;
    free(lists);
    pal__environment_put(environment);
    return rv;
}
