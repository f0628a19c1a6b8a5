/* How hosts are to be launched. */
#include "config.h"

#include "host_private.h"

#include "leader.h"

#include <apr_strings.h>

#include <string.h>

#define NAME_MAX_LEN 255
#define JOIN_TIMEOUT (30 * APR_USEC_PER_SEC)

apr_status_t mesh_host_config_create(mesh_host_config_t **ret_config,
                                     const char *name, apr_pool_t *pool)
{
    mesh_host_config_t *config;
    apr_status_t rv;

    if (strlen(name) > NAME_MAX_LEN)
        return MESH_E_LIMIT;
    config = apr_palloc(pool, sizeof(*config));
    if (!config)
        return APR_ENOMEM;
    memset(config, 0, sizeof(*config));
    config->pool = pool;
    config->name = apr_pstrdup(pool, name);
    config->name_arg = 1;
    config->rights = MESH__MAY_CONNECT;
    config->join_timeout = JOIN_TIMEOUT;
    rv = pal_command_create(&config->command, pool);
    if (rv == APR_SUCCESS)
        rv = pal_command_self_set(config->command);
    if (rv == APR_SUCCESS)
        *ret_config = config;
    return rv;
}

pal_command_t *mesh_host_config_command(mesh_host_config_t *config)
{
    return config->command;
}

pal_step_t mesh_host_config_failed_step(mesh_host_config_t *config)
{
    return config->failed_step;
}

void mesh_host_config_name_arg_set(mesh_host_config_t *config, int on)
{
    config->name_arg = on;
}

void mesh_host_config_may_connect_set(mesh_host_config_t *config, int on)
{
    config->rights = on ? config->rights | MESH__MAY_CONNECT
                        : config->rights & ~MESH__MAY_CONNECT;
}

void mesh_host_config_confine_set(mesh_host_config_t *config,
                                  mesh_confine_t confine,
                                  mesh_confine_when_t when)
{
    config->confine = confine;
    config->confine_when = when;
}

void mesh_host_config_join_timeout_set(mesh_host_config_t *config,
                                       apr_interval_time_t timeout)
{
    config->join_timeout = timeout;
}

void mesh_host_config_joined_set(mesh_host_config_t *config, mesh_host_fn_t fn,
                                 void *baton)
{
    config->joined = fn;
    config->joined_baton = baton;
}

void mesh_host_config_exited_set(mesh_host_config_t *config, mesh_host_fn_t fn,
                                 void *baton)
{
    config->exited = fn;
    config->exited_baton = baton;
}
