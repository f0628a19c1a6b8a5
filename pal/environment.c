#include "config.h"

#include "process_private.h"

#include <pal/process.h>

#include <string.h>

/* The change to the variable `name`, or NULL. */
static pal__env_t *find_env(const pal_command_t *command, const char *name,
                            apr_size_t name_len)
{
    pal__env_t *env;

    for (env = command->env; env != NULL; env = env->next)
        if (env->name_len == name_len
            && pal__environment_is_name(env->entry, name, name_len))
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

apr_size_t pal__environment_size(const pal_command_t *command,
                                 char *const *parent)
{
    apr_size_t n = (apr_size_t)command->n_env;

    while (parent != NULL && *parent != NULL && !command->env_is_cleared) {
        parent++;
        n++;
    }
    return n;
}

/* The strings of the parent are borrowed too: the launch is over before the
 * caller may change them. */
void pal__environment_fill(const pal_command_t *command, char *const *parent,
                           char **envp)
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
