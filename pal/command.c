#include "config.h"

#include <pal/process.h>

#include "process_private.h"

#include <pal/self.h>
#include <pal/status.h>

#include <string.h>

#define N_MODES (PAL_STDIO_CLOSED + 1)

apr_status_t pal_command_create(pal_command_t **ret_command, apr_pool_t *pool)
{
    pal_command_t *command = apr_palloc(pool, sizeof(*command));

    if (command == NULL)
        return APR_ENOMEM;
    memset(command, 0, sizeof(*command));
    command->pool = pool;
    command->last_arg = &command->args;
    command->last_rule = &command->rules;
    command->program_handle = PAL_HANDLE_NONE;
    command->folder_handle = PAL_HANDLE_NONE;
    command->terminal = PAL_HANDLE_NONE;
    command->cgroup = PAL_HANDLE_NONE;
    command->n_groups = -1;
    command->die_with_parent = 1;
    *ret_command = command;
    return APR_SUCCESS;
}

void *pal__command_keep(const pal_command_t *command, const void *data,
                        apr_size_t size)
{
    void *copy = apr_palloc(command->pool, size);

    if (copy != NULL)
        memcpy(copy, data, size);
    return copy;
}

apr_status_t pal__command_keep_text(const pal_command_t *command,
                                    const char *text, const char **ret_copy)
{
    const char *copy = pal__command_keep(command, text, strlen(text) + 1);

    if (copy == NULL)
        return APR_ENOMEM;
    *ret_copy = copy;
    return APR_SUCCESS;
}

/* Lists of its own for a copy; what they point to is shared. */
static apr_status_t copy_lists(pal_command_t *command,
                               const pal_command_t *from)
{
    const pal__arg_t *arg;
    const pal__env_t *env;
    const pal__rule_t *rule;
    pal__env_t **last_env = &command->env;

    command->last_arg = &command->args;
    for (arg = from->args; arg != NULL; arg = arg->next) {
        *command->last_arg = pal__command_keep(command, arg, sizeof(*arg));
        if (*command->last_arg == NULL)
            return APR_ENOMEM;
        command->last_arg = &(*command->last_arg)->next;
    }
    for (env = from->env; env != NULL; env = env->next) {
        *last_env = pal__command_keep(command, env, sizeof(*env));
        if (*last_env == NULL)
            return APR_ENOMEM;
        last_env = &(*last_env)->next;
    }
    command->last_rule = &command->rules;
    for (rule = from->rules; rule != NULL; rule = rule->next) {
        *command->last_rule = pal__command_keep(command, rule, sizeof(*rule));
        if (*command->last_rule == NULL)
            return APR_ENOMEM;
        command->last_rule = &(*command->last_rule)->next;
    }
    return APR_SUCCESS;
}

apr_status_t pal_command_copy(pal_command_t **ret_command,
                              const pal_command_t *from, apr_pool_t *pool)
{
    pal_command_t *command = apr_palloc(pool, sizeof(*command));
    apr_status_t rv;

    if (command == NULL)
        return APR_ENOMEM;
    memcpy(command, from, sizeof(*command));
    command->pool = pool;
    command->failed_step = PAL_STEP_NONE;
    rv = copy_lists(command, from);
    if (rv == APR_SUCCESS)
        *ret_command = command;
    return rv;
}

/* Run what `text` names, in the way that `kind` says. */
static apr_status_t set_program(pal_command_t *command, pal__program_t kind,
                                const char *text)
{
    apr_status_t rv = pal__command_keep_text(command, text, &command->program);

    if (rv == APR_SUCCESS)
        command->program_kind = kind;
    return rv;
}

apr_status_t pal_command_program_set(pal_command_t *command, const char *path)
{
    return set_program(command, PAL__PROGRAM_PATH, path);
}

apr_status_t pal_command_search_set(pal_command_t *command, const char *name)
{
    return set_program(command, PAL__PROGRAM_SEARCH, name);
}

apr_status_t pal_command_program_handle_set(pal_command_t *command,
                                            pal_handle_t handle)
{
    apr_status_t rv;

    if (handle == PAL_HANDLE_NONE)
        return APR_EINVAL;
    rv = set_program(command, PAL__PROGRAM_HANDLE, "program");
    if (rv == APR_SUCCESS)
        command->program_handle = handle;
    return rv;
}

apr_status_t pal_command_self_set(pal_command_t *command)
{
    apr_status_t rv = pal_self_argv0(&command->program, command->pool);

    if (rv == APR_SUCCESS)
        command->program_kind = PAL__PROGRAM_SELF;
    return rv;
}

apr_status_t pal_command_argv0_set(pal_command_t *command, const char *argv0)
{
    return pal__command_keep_text(command, argv0, &command->argv0);
}

apr_status_t pal_command_arg_add(pal_command_t *command, const char *text)
{
    pal__arg_t *arg = apr_palloc(command->pool, sizeof(*arg));
    apr_status_t rv;

    if (arg == NULL)
        return APR_ENOMEM;
    arg->next = NULL;
    rv = pal__command_keep_text(command, text, &arg->text);
    if (rv != APR_SUCCESS)
        return rv;
    *command->last_arg = arg;
    command->last_arg = &arg->next;
    command->n_args++;
    return APR_SUCCESS;
}

apr_status_t pal_command_stdio_set(pal_command_t *command, int number,
                                   pal_stdio_t stdio)
{
    if (number < 0 || number >= PAL__N_STDIO || (int)stdio < 0
        || (int)stdio >= N_MODES || (stdio == PAL_STDIO_STDOUT && number != 2))
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

apr_status_t pal_command_handle_value(pal_command_t *command, int number,
                                      intptr_t *ret_value)
{
    int i;

    for (i = 0; i < command->n_given; i++)
        if (command->given[i].number == number) {
            *ret_value = pal__given_value(&command->given[i]);
            return APR_SUCCESS;
        }
    return APR_ENOENT;
}

apr_status_t pal_command_handles_clear(pal_command_t *command)
{
    command->n_given = 0;
    return APR_SUCCESS;
}

apr_status_t pal_command_folder_set(pal_command_t *command, const char *path)
{
    apr_status_t rv = pal__command_keep_text(command, path, &command->folder);

    if (rv == APR_SUCCESS)
        command->folder_handle = PAL_HANDLE_NONE;
    return rv;
}

apr_status_t pal_command_folder_handle_set(pal_command_t *command,
                                           pal_handle_t handle)
{
    if (handle == PAL_HANDLE_NONE)
        return APR_EINVAL;
    command->folder_handle = handle;
    command->folder = NULL;
    return APR_SUCCESS;
}

/* Set a whole number that lies between `low` and `high`. */
static apr_status_t set_number(pal__setting_t *setting, apr_int64_t value,
                               apr_int64_t low, apr_int64_t high)
{
    if (value < low || value > high)
        return APR_EINVAL;
    setting->is_set = 1;
    setting->value = (apr_uint64_t)value;
    return APR_SUCCESS;
}

apr_status_t pal_command_umask_set(pal_command_t *command, int mask)
{
    return set_number(&command->umask, mask, 0, 0777);
}

apr_status_t pal_command_session_set(pal_command_t *command, int on)
{
    command->session = on != 0;
    return APR_SUCCESS;
}

apr_status_t pal_command_group_set(pal_command_t *command, apr_int64_t group)
{
    return set_number(&command->group, group, 0, APR_INT32_MAX);
}

apr_status_t pal_command_terminal_set(pal_command_t *command,
                                      pal_handle_t handle)
{
    if (handle == PAL_HANDLE_NONE)
        return APR_EINVAL;
    command->terminal = handle;
    command->session = 1;
    return APR_SUCCESS;
}

apr_status_t pal_command_nice_set(pal_command_t *command, int nice)
{
    return set_number(&command->nice, nice, -20, 19);
}

apr_status_t pal_command_cpus_set(pal_command_t *command, const int *cpus,
                                  int n_cpus)
{
    int i;

    if (n_cpus <= 0)
        return APR_EINVAL;
    for (i = 0; i < n_cpus; i++) {
        if (cpus[i] < 0)
            return APR_EINVAL;
        if (cpus[i] >= PAL_COMMAND_MAX_CPUS)
            return PAL_E_LIMIT;
    }
    command->n_cpus = n_cpus;
    memset(command->cpus, 0, sizeof(command->cpus));
    for (i = 0; i < n_cpus; i++)
        command->cpus[cpus[i] / PAL__WORD_BITS] |= 1ul
                                                   << cpus[i] % PAL__WORD_BITS;
    return APR_SUCCESS;
}

apr_status_t pal_command_oom_score_set(pal_command_t *command, int score)
{
    return set_number(&command->oom_score, score, -1000, 1000);
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

apr_status_t pal_command_hook_set(pal_command_t *command, pal_hook_fn_t fn,
                                  void *baton)
{
    command->hook = fn;
    command->hook_baton = baton;
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
