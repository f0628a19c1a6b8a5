/* Launching a host (docs/PROTOCOL.md 7.1). */
#include "config.h"

#include "host_private.h"

#include "leader.h"
#include "link.h"

#include <pal/pal.h>

#include <apr_strings.h>

/* The command of one launch: the configuration's, and what is ours. */
static apr_status_t make_command(const mesh_host_config_t *config,
                                 mesh__invitation_t *invitation,
                                 pal_handle_t end, pal_command_t **ret_command,
                                 apr_pool_t *pool)
{
    pal_command_t *command;
    intptr_t value = 0;
    const char *text;
    apr_status_t rv;

    invitation->name = config->name;
    invitation->confine = config->confine;
    invitation->confine_when = config->confine_when;
    rv = pal_command_copy(&command, config->command, pool);
    if (rv == APR_SUCCESS)
        rv = pal_command_handle_add(command, end, MESH__INVITATION_HANDLE);
    if (rv == APR_SUCCESS)
        rv =
            pal_command_handle_value(command, MESH__INVITATION_HANDLE, &value);
    invitation->handle = (int)value; /* so small on every system */
    if (rv == APR_SUCCESS)
        rv = mesh__invitation_encode(invitation, &text, pool);
    if (rv == APR_SUCCESS)
        rv = pal_command_env_set(command, MESH__INVITATION_VARIABLE, text);
    if (rv == APR_SUCCESS)
        rv = pal_command_stdio_set(command, 0, PAL_STDIO_NULL);
    if (rv == APR_SUCCESS)
        rv = pal_command_stdio_set(command, 1, PAL_STDIO_NULL);
    if (rv == APR_SUCCESS && config->confine != MESH_CONFINE_NONE)
        rv = pal_command_no_new_privs_set(command, 1);
    if (rv == APR_SUCCESS && config->name_arg)
        rv = pal_command_arg_add(command, config->name);
    if (rv == APR_SUCCESS)
        *ret_command = command;
    return rv;
}

/* The host's first message, packed before anything is started; what is in
 * `init` is in the message then. */
static apr_status_t pack_initial(const ProtobufCMessage *init,
                                 mesh_port_t **requests,
                                 mesh_message_t **ret_message)
{
    Mesh__Host__InitialMessage initial = MESH__HOST__INITIAL_MESSAGE__INIT;
    Mesh__Port slot = MESH__PORT__INIT;
    mesh__generic_t type;

    slot.slot = mesh_port_slot(requests);
    initial.requests = &slot;
    if (init) {
        mesh__generic_init(&type, &mesh__host__initial_message__descriptor, 1,
                           init->descriptor);
        initial.base.descriptor = &type.type;
        initial.init = (Mesh__Empty *)(uintptr_t)init; /* only read */
    }
    return mesh__message_pack(ret_message, &initial.base, MESH__WRAP_ONESHOT);
}

/* End what was started; nothing of it is reported. */
static void undo_start(mesh_host_t *host)
{
    mesh_node_t *node = host->hosts->node;

    (void)pal_process_watch(host->process, mesh_node_loop(node), NULL, NULL);
    (void)pal_process_kill(host->process);
    (void)pal_process_wait(host->process, APR_USEC_PER_SEC);
    mesh__node_peer_unwatch(node, &host->node_id);
    mesh__node_link_drop(node, &host->node_id);
}

/* Start the process and watch it. On failure nothing runs. */
static apr_status_t start_process(mesh_host_t *host, pal_command_t *command,
                                  pal_step_t *ret_failed_step)
{
    apr_status_t rv = pal_process_start(&host->process, command);

    *ret_failed_step = pal_command_failed_step(command);
    if (rv != APR_SUCCESS)
        return rv;
    host->pid = pal_process_pid(host->process);
    rv = mesh__link_peer_set(host->hosts->node, &host->node_id, host->process);
    if (rv == APR_SUCCESS)
        rv =
            pal_process_watch(host->process, mesh_node_loop(host->hosts->node),
                              mesh__host_process_ended, host);
    if (rv != APR_SUCCESS) {
        (void)pal_process_kill(host->process);
        (void)pal_process_wait(host->process, APR_USEC_PER_SEC);
    }
    return rv;
}

/* Invite and start. On failure the node knows nothing of it any more. */
static apr_status_t invite_and_start(mesh_host_t *host,
                                     mesh_host_config_t *config,
                                     mesh_port_t **user)
{
    mesh_node_t *node = host->hosts->node;
    pal_handle_t end = PAL_HANDLE_NONE;
    mesh__invitation_t invitation;
    pal_command_t *command;
    apr_pool_t *scratch;
    apr_status_t rv = apr_pool_create(&scratch, host->pool);

    if (rv != APR_SUCCESS)
        return rv;
    rv = mesh__leader_invite(node, config->rights, user, mesh__host_peer_event,
                             host, &invitation, &end);
    if (rv == APR_SUCCESS) {
        host->node_id = invitation.local.node;
        host->linked = 1;
        rv = make_command(config, &invitation, end, &command, scratch);
        if (rv == APR_SUCCESS)
            rv = start_process(host, command, &config->failed_step);
        if (rv != APR_SUCCESS) {
            mesh__node_peer_unwatch(node, &host->node_id);
            mesh__node_link_drop(node, &host->node_id);
        }
    }
    pal_handle_close(&end);
    apr_pool_destroy(scratch);
    return rv;
}

/* Made once: its memory is the slab's. */
static apr_status_t default_config(mesh_hosts_t *hosts,
                                   mesh_host_config_t **config)
{
    apr_status_t rv = APR_SUCCESS;

    if (*config)
        return APR_SUCCESS;
    if (!hosts->defaults)
        rv = mesh_host_config_create(&hosts->defaults, "host", hosts->pool);
    *config = hosts->defaults;
    return rv;
}

/* Takes *initial; on failure what is in it goes back. */
static apr_status_t launch(mesh_host_t *host, mesh_host_config_t *config,
                           mesh_message_t **initial)
{
    mesh_port_t *near_end = NULL, *far_end = NULL;
    apr_status_t rv = mesh_port_pair(host->hosts->node, &near_end, &far_end);

    if (rv == APR_SUCCESS)
        rv = invite_and_start(host, config, &far_end);
    if (rv == APR_SUCCESS) {
        rv = mesh__message_send_packed(near_end, initial, 1);
        if (rv != APR_SUCCESS)
            undo_start(host);
    }
    else {
        mesh__payload_rollback(*initial);
        mesh_message_destroy(initial);
    }
    mesh_port_close(&near_end);
    mesh_port_close(&far_end);
    return rv;
}

apr_status_t mesh_host_launch(mesh_host_t **ret_host, mesh_hosts_t *hosts,
                              mesh_host_config_t *config,
                              const ProtobufCMessage *init)
{
    mesh_sender_t *sender = NULL;
    mesh_receiver_t *receiver = NULL;
    mesh_port_t *requests = NULL;
    mesh_message_t *initial;
    mesh_host_t *host;
    apr_status_t rv;

    if (hosts->closing)
        return MESH_E_CLOSED;
    rv = default_config(hosts, &config);
    if (rv == APR_SUCCESS)
        config->failed_step = PAL_STEP_NONE;
    if (rv == APR_SUCCESS)
        rv = mesh_channel_create(hosts->node, &sender, &receiver);
    if (rv == APR_SUCCESS)
        rv = mesh_receiver_to_port(&receiver, &requests);
    if (rv == APR_SUCCESS)
        rv = mesh__host_make(&host, hosts, config);
    if (rv == APR_SUCCESS) {
        rv = pack_initial(init, &requests, &initial);
        if (rv == APR_SUCCESS)
            rv = launch(host, config, &initial);
        if (rv != APR_SUCCESS)
            mesh__host_remove(host);
    }
    mesh_receiver_close(&receiver);
    mesh_port_close(&requests);
    if (rv != APR_SUCCESS) {
        mesh_sender_close(&sender);
        return rv;
    }
    host->requests = sender;
    mesh__host_timer_set(host, HOST_TIMER_JOIN, config->join_timeout);
    if (ret_host) {
        host->refs++;
        *ret_host = host;
    }
    return APR_SUCCESS;
}

apr_status_t mesh_host_launch_port(mesh_host_t **ret_host, mesh_hosts_t *hosts,
                                   mesh_host_config_t *config,
                                   mesh_port_t **ret_port)
{
    Mesh__Host__PortInit init = MESH__HOST__PORT_INIT__INIT;
    Mesh__Port slot = MESH__PORT__INIT;
    mesh_port_t *ours = NULL, *theirs = NULL;
    apr_status_t rv = mesh_port_pair(hosts->node, &ours, &theirs);

    if (rv != APR_SUCCESS)
        return rv;
    slot.slot = mesh_port_slot(&theirs);
    init.port = &slot;
    rv = mesh_host_launch(ret_host, hosts, config, &init.base);
    mesh_port_close(&theirs);
    if (rv == APR_SUCCESS)
        *ret_port = ours;
    else
        mesh_port_close(&ours);
    return rv;
}
