#include "config.h"

#include <pal/privilege.h>

#include "process_private.h"

#include <pal/status.h>

#define NO_ID 0xffffffffu
#define ALL_RIGHTS (PAL_FILES_READ | PAL_FILES_WRITE | PAL_FILES_EXECUTE)
#define ALL_WINDOWS                                                           \
    (PAL_WINDOWS_LOW_INTEGRITY | PAL_WINDOWS_NO_CHILDREN                      \
     | PAL_WINDOWS_MITIGATIONS)
#define ALL_NAMESPACES                                                        \
    (PAL_NAMESPACE_USER | PAL_NAMESPACE_PID | PAL_NAMESPACE_MOUNT             \
     | PAL_NAMESPACE_NET | PAL_NAMESPACE_IPC | PAL_NAMESPACE_UTS)

apr_status_t pal_command_mode_set(pal_command_t *command, pal_step_t step,
                                  pal_confine_mode_t mode)
{
    if (mode != PAL_CONFINE_STRICT && mode != PAL_CONFINE_BEST_EFFORT)
        return APR_EINVAL;
    switch (step) {
    case PAL_STEP_CGROUP:
    case PAL_STEP_NAMESPACES:
    case PAL_STEP_SCHEDULE:
    case PAL_STEP_LIMITS:
    case PAL_STEP_CAPABILITIES:
    case PAL_STEP_PRIVILEGES:
    case PAL_STEP_LANDLOCK:
    case PAL_STEP_SECCOMP:
        command->modes[step] = mode;
        return APR_SUCCESS;
    default:
        return APR_EINVAL;
    }
}

static apr_status_t set_id(pal__setting_t *setting, apr_uint32_t id)
{
    if (id == NO_ID)
        return APR_EINVAL;
    setting->is_set = 1;
    setting->value = id;
    return APR_SUCCESS;
}

apr_status_t pal_command_uid_set(pal_command_t *command, apr_uint32_t uid)
{
    return set_id(&command->uid, uid);
}

apr_status_t pal_command_gid_set(pal_command_t *command, apr_uint32_t gid)
{
    return set_id(&command->gid, gid);
}

apr_status_t pal_command_groups_set(pal_command_t *command,
                                    const apr_uint32_t *gids, int n_gids)
{
    const apr_uint32_t *copy = NULL;
    int i;

    if (n_gids < 0)
        return APR_EINVAL;
    if (n_gids > PAL_COMMAND_MAX_GROUPS)
        return PAL_E_LIMIT;
    for (i = 0; i < n_gids; i++)
        if (gids[i] == NO_ID)
            return APR_EINVAL;
    if (n_gids > 0) {
        copy = pal__command_keep(command, gids,
                                 (apr_size_t)n_gids * sizeof(*gids));
        if (copy == NULL)
            return APR_ENOMEM;
    }
    command->groups = copy;
    command->n_groups = n_gids;
    return APR_SUCCESS;
}

apr_status_t pal_command_capabilities_set(pal_command_t *command,
                                          pal_capabilities_t which,
                                          apr_uint64_t bits)
{
    if ((int)which < 0 || (int)which >= PAL__N_CAPABILITY_SETS)
        return APR_EINVAL;
    command->capabilities[which].is_set = 1;
    command->capabilities[which].value = bits;
    return APR_SUCCESS;
}

apr_status_t pal_command_no_new_privs_set(pal_command_t *command, int on)
{
    command->no_new_privs = on != 0;
    return APR_SUCCESS;
}

apr_status_t pal_command_windows_set(pal_command_t *command, int layers)
{
    if ((layers & ~ALL_WINDOWS) != 0)
        return APR_EINVAL;
    command->windows = layers;
    return APR_SUCCESS;
}

apr_status_t pal_command_seccomp_set(pal_command_t *command,
                                     const void *program, apr_size_t size)
{
    const void *copy = NULL;

    if (size % PAL__FILTER_ITEM != 0)
        return APR_EINVAL;
    if (size / PAL__FILTER_ITEM > PAL_COMMAND_MAX_FILTER)
        return PAL_E_LIMIT;
    if (size > 0) {
        copy = pal__command_keep(command, program, size);
        if (copy == NULL)
            return APR_ENOMEM;
    }
    command->filter = copy;
    command->n_filter = (int)(size / PAL__FILTER_ITEM);
    return APR_SUCCESS;
}

static apr_status_t add_rule(pal_command_t *command, const char *path,
                             pal_handle_t handle, int rights)
{
    pal__rule_t *rule;
    apr_status_t rv;

    if (rights == 0 || (rights & ~ALL_RIGHTS) != 0)
        return APR_EINVAL;
    if (command->n_rules == PAL_COMMAND_MAX_RULES)
        return PAL_E_LIMIT;
    rule = apr_palloc(command->pool, sizeof(*rule));
    if (rule == NULL)
        return APR_ENOMEM;
    rule->next = NULL;
    rule->path = NULL;
    rule->handle = handle;
    rule->rights = rights;
    if (path != NULL) {
        rv = pal__command_keep_text(command, path, &rule->path);
        if (rv != APR_SUCCESS)
            return rv;
    }
    *command->last_rule = rule;
    command->last_rule = &rule->next;
    command->n_rules++;
    return APR_SUCCESS;
}

apr_status_t pal_command_landlock_add(pal_command_t *command, const char *path,
                                      int rights)
{
    return add_rule(command, path, PAL_HANDLE_NONE, rights);
}

apr_status_t pal_command_landlock_handle_add(pal_command_t *command,
                                             pal_handle_t handle, int rights)
{
    if (handle == PAL_HANDLE_NONE)
        return APR_EINVAL;
    return add_rule(command, NULL, handle, rights);
}

apr_status_t pal_command_namespaces_set(pal_command_t *command, int namespaces)
{
    if ((namespaces & ~ALL_NAMESPACES) != 0)
        return APR_EINVAL;
    command->namespaces = namespaces;
    return APR_SUCCESS;
}

apr_status_t pal_command_cgroup_set(pal_command_t *command,
                                    pal_handle_t handle)
{
    command->cgroup = handle;
    return APR_SUCCESS;
}

unsigned int pal__command_wanted(const pal_command_t *command)
{
    unsigned int wanted = 0;
    int i;

    if (command->cgroup != PAL_HANDLE_NONE)
        wanted |= 1u << PAL_STEP_CGROUP;
    if (command->namespaces != 0)
        wanted |= 1u << PAL_STEP_NAMESPACES;
    if (command->nice.is_set || command->n_cpus > 0
        || command->oom_score.is_set)
        wanted |= 1u << PAL_STEP_SCHEDULE;
    for (i = 0; i < PAL__N_LIMITS; i++)
        if (command->limits[i].is_set)
            wanted |= 1u << PAL_STEP_LIMITS;
    for (i = 0; i < PAL__N_CAPABILITY_SETS; i++)
        if (command->capabilities[i].is_set)
            wanted |= 1u << PAL_STEP_CAPABILITIES;
    if (command->no_new_privs || command->windows != 0)
        wanted |= 1u << PAL_STEP_PRIVILEGES;
    if (command->rules != NULL)
        wanted |= 1u << PAL_STEP_LANDLOCK;
    if (command->filter != NULL)
        wanted |= 1u << PAL_STEP_SECCOMP;
    return wanted;
}
