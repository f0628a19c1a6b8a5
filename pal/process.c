#include "config.h"

#include <pal/process.h>

#include "process_private.h"

#include <pal/self.h>
#include <pal/status.h>

#include <stdlib.h>
#include <string.h>

/* Memory of a command comes from its pool by apr_palloc, checked: what APR
 * builds on it (apr_pcalloc, apr_pstrdup, arrays) does not look whether there
 * was any. */

const char *pal_step_name(pal_step_t step)
{
    switch (step) {
    case PAL_STEP_NONE:
        return "none";
    case PAL_STEP_PREPARE:
        return "preparing";
    case PAL_STEP_CLONE:
        return "making the process";
    case PAL_STEP_JOB:
        return "entering its job";
    case PAL_STEP_HANDLES:
        return "placing its handles";
    case PAL_STEP_FOLDER:
        return "entering its working directory";
    case PAL_STEP_LIMITS:
        return "setting its limits";
    case PAL_STEP_PRIVILEGES:
        return "giving up privileges";
    case PAL_STEP_PARENT:
        return "tying it to its parent";
    case PAL_STEP_EXEC:
        return "running the program";
    }
    return "unknown";
}

apr_status_t pal_command_create(pal_command_t **ret_command, apr_pool_t *pool)
{
    pal_command_t *command = apr_palloc(pool, sizeof(*command));

    if (command == NULL)
        return APR_ENOMEM;
    memset(command, 0, sizeof(*command));
    command->pool = pool;
    command->last_arg = &command->args;
    command->die_with_parent = 1;
    *ret_command = command;
    return APR_SUCCESS;
}

/* A copy of `size` bytes, or NULL. */
static void *copy_of(apr_pool_t *pool, const void *data, apr_size_t size)
{
    void *copy = apr_palloc(pool, size);

    if (copy != NULL)
        memcpy(copy, data, size);
    return copy;
}

apr_status_t pal_command_copy(pal_command_t **ret_command,
                              const pal_command_t *from, apr_pool_t *pool)
{
    pal_command_t *command = copy_of(pool, from, sizeof(*from));
    const pal__arg_t *arg;
    const pal__env_t *env;
    pal__env_t **last_env;

    if (command == NULL)
        return APR_ENOMEM;
    command->pool = pool;
    command->failed_step = PAL_STEP_NONE;
    command->last_arg = &command->args;
    for (arg = from->args; arg != NULL; arg = arg->next) {
        *command->last_arg = copy_of(pool, arg, sizeof(*arg));
        if (*command->last_arg == NULL)
            return APR_ENOMEM;
        command->last_arg = &(*command->last_arg)->next;
    }
    last_env = &command->env;
    for (env = from->env; env != NULL; env = env->next) {
        *last_env = copy_of(pool, env, sizeof(*env));
        if (*last_env == NULL)
            return APR_ENOMEM;
        last_env = &(*last_env)->next;
    }
    *ret_command = command;
    return APR_SUCCESS;
}

/* Copy `text` into the command; *ret_copy is changed on success only. */
static apr_status_t copy_text(pal_command_t *command, const char *text,
                              const char **ret_copy)
{
    const char *copy = copy_of(command->pool, text, strlen(text) + 1);

    if (copy == NULL)
        return APR_ENOMEM;
    *ret_copy = copy;
    return APR_SUCCESS;
}

apr_status_t pal_command_program_set(pal_command_t *command, const char *path)
{
    apr_status_t rv = copy_text(command, path, &command->program);

    if (rv == APR_SUCCESS)
        command->self_argv0 = NULL;
    return rv;
}

apr_status_t pal_command_self_set(pal_command_t *command)
{
    apr_status_t rv = pal_self_argv0(&command->self_argv0, command->pool);

    if (rv == APR_SUCCESS)
        command->program = NULL;
    return rv;
}

apr_status_t pal_command_argv0_set(pal_command_t *command, const char *argv0)
{
    return copy_text(command, argv0, &command->argv0);
}

apr_status_t pal_command_arg_add(pal_command_t *command, const char *text)
{
    pal__arg_t *arg = apr_palloc(command->pool, sizeof(*arg));
    apr_status_t rv;

    if (arg == NULL)
        return APR_ENOMEM;
    arg->next = NULL;
    rv = copy_text(command, text, &arg->text);
    if (rv != APR_SUCCESS)
        return rv;
    *command->last_arg = arg;
    command->last_arg = &arg->next;
    command->n_args++;
    return APR_SUCCESS;
}

/* The change to the variable `name`, or NULL. */
static pal__env_t *find_env(pal_command_t *command, const char *name,
                            apr_size_t name_len)
{
    pal__env_t *env;

    for (env = command->env; env != NULL; env = env->next)
        if (env->name_len == name_len
            && memcmp(env->entry, name, name_len) == 0)
            return env;
    return NULL;
}

/* Set `name`, or unset it if `value` is NULL. A later change of a name takes
 * the place of the earlier one, so the list holds each name once. */
static apr_status_t change_env(pal_command_t *command, const char *name,
                               const char *value)
{
    apr_size_t name_len = strlen(name);
    apr_size_t value_len = value != NULL ? strlen(value) : 0;
    pal__env_t *env;
    char *entry;

    if (name_len == 0 || memchr(name, '=', name_len) != NULL)
        return APR_EINVAL;
    entry = apr_palloc(command->pool, name_len + value_len + 2);
    if (entry == NULL)
        return APR_ENOMEM;
    memcpy(entry, name, name_len + 1);
    if (value != NULL) {
        entry[name_len] = '=';
        memcpy(entry + name_len + 1, value, value_len + 1);
    }
    env = find_env(command, name, name_len);
    if (env == NULL) {
        env = apr_palloc(command->pool, sizeof(*env));
        if (env == NULL)
            return APR_ENOMEM;
        env->name_len = name_len;
        env->next = command->env;
        command->env = env;
        command->n_env++;
    }
    env->entry = entry;
    env->is_set = value != NULL;
    return APR_SUCCESS;
}

apr_status_t pal_command_env_set(pal_command_t *command, const char *name,
                                 const char *value)
{
    return change_env(command, name, value);
}

apr_status_t pal_command_env_unset(pal_command_t *command, const char *name)
{
    return change_env(command, name, NULL);
}

apr_status_t pal_command_env_clear(pal_command_t *command)
{
    command->env = NULL;
    command->n_env = 0;
    command->env_is_cleared = 1;
    return APR_SUCCESS;
}

apr_status_t pal_command_stdio_set(pal_command_t *command, int number,
                                   pal_stdio_t stdio)
{
    if (number < 0 || number >= PAL__N_STDIO
        || (stdio != PAL_STDIO_INHERIT && stdio != PAL_STDIO_NULL))
        return APR_EINVAL;
    command->stdio[number] = stdio;
    return APR_SUCCESS;
}

apr_status_t pal_command_handle_add(pal_command_t *command,
                                    pal_handle_t handle, int number)
{
    pal__given_t *given = command->given;
    int i = command->n_given, n_others = 0, k;

    if (number < 0 || handle == PAL_HANDLE_NONE)
        return APR_EINVAL;
    if (number > PAL_COMMAND_MAX_NUMBER)
        return PAL_E_LIMIT;
    while (i > 0 && given[i - 1].number >= number)
        i--;
    if (i == command->n_given || given[i].number != number) {
        for (k = 0; k < command->n_given; k++)
            n_others += given[k].number >= PAL__N_STDIO;
        if (number >= PAL__N_STDIO
            && n_others == PAL_COMMAND_MAX_HANDLES - PAL__N_STDIO)
            return PAL_E_LIMIT;
        memmove(given + i + 1, given + i,
                (apr_size_t)(command->n_given - i) * sizeof(*given));
        command->n_given++;
    }
    given[i].handle = handle;
    given[i].number = number;
    return APR_SUCCESS;
}

apr_status_t pal_command_handles_clear(pal_command_t *command)
{
    command->n_given = 0;
    return APR_SUCCESS;
}

apr_status_t pal_command_folder_set(pal_command_t *command, const char *path)
{
    return copy_text(command, path, &command->folder);
}

apr_status_t pal_command_limit_set(pal_command_t *command, pal_limit_t limit,
                                   apr_uint64_t value)
{
    if ((int)limit < 0 || (int)limit >= PAL__N_LIMITS)
        return APR_EINVAL;
    command->limits[limit].is_set = 1;
    command->limits[limit].value = value;
    return APR_SUCCESS;
}

apr_status_t pal_command_no_new_privs_set(pal_command_t *command, int on)
{
    command->no_new_privs = on != 0;
    return APR_SUCCESS;
}

apr_status_t pal_command_die_with_parent_set(pal_command_t *command, int on)
{
    command->die_with_parent = on != 0;
    return APR_SUCCESS;
}

pal_step_t pal_command_failed_step(pal_command_t *command)
{
    return command->failed_step;
}

/* Fill `argv`, which has room for all arguments, argv[0] and NULL. */
static void fill_argv(const pal_command_t *command, char **argv)
{
    const pal__arg_t *arg;
    const char *argv0 = command->argv0;

    if (argv0 == NULL)
        argv0 =
            command->program != NULL ? command->program : command->self_argv0;
    *argv++ = (char *)argv0;
    for (arg = command->args; arg != NULL; arg = arg->next)
        *argv++ = (char *)arg->text;
    *argv = NULL;
}

/* Fill `envp`, which has room for the parent's environment, all changes and
 * NULL. The strings of the parent are borrowed: the launch is over before
 * this call's caller returns. */
static void fill_envp(pal_command_t *command, char *const *parent, char **envp)
{
    const pal__env_t *env;
    const char *end;

    if (command->env_is_cleared)
        parent = NULL;
    for (; parent != NULL && *parent != NULL; parent++) {
        end = strchr(*parent, '=');
        if (end == NULL
            || find_env(command, *parent, (apr_size_t)(end - *parent)) == NULL)
            *envp++ = *parent;
    }
    for (env = command->env; env != NULL; env = env->next)
        if (env->is_set)
            *envp++ = (char *)env->entry;
    *envp = NULL;
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
    char *const *parent = pal__environment();
    apr_size_t n_argv = (apr_size_t)command->n_args + 2;
    apr_size_t n_envp = (apr_size_t)command->n_env + 1;
    apr_size_t i;
    apr_status_t rv;
    char **lists;

    command->failed_step = PAL_STEP_PREPARE;
    if (command->program == NULL && command->self_argv0 == NULL)
        return APR_EINVAL;
    for (i = 0; parent != NULL && parent[i] != NULL; i++)
        n_envp++;
    lists = malloc((n_argv + n_envp) * sizeof(*lists));
    if (lists == NULL)
        return APR_ENOMEM;
    fill_argv(command, lists);
    fill_envp(command, parent, lists + n_argv);
    rv = launch(ret_process, command, lists, lists + n_argv);
    if (rv == APR_SUCCESS)
        command->failed_step = PAL_STEP_NONE;
    free(lists);
    return rv;
}
