/* Hosts: processes that the leader launches and that join its mesh.
 *
 * The launching side:
 *
 *   mesh_hosts_create(&hosts, node, pool);
 *   mesh_host_config_create(&config, "worker", pool);
 *   mesh_host_launch_port(&host, hosts, config, &port);
 *   ... talk over the port ...
 *   mesh_hosts_shutdown(hosts, timeout);
 *
 * The launched side calls mesh_run_host_if_launched first thing in main. By
 * default a host is another copy of the launching program.
 *
 * A host dies with the process that launched it, however that one dies. A
 * host that ends closes or fails all its ports, so its partners notice. All
 * hosts of a node form its slab, mesh_hosts_t.
 *
 * Threads: all of it on the node's loop's thread. */
#ifndef MESH_HOST_H
#define MESH_HOST_H

#include <mesh/channel.h>
#include <mesh/message.h>
#include <mesh/node.h>
#include <mesh/port.h>

#include <pal/process.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mesh_hosts_t mesh_hosts_t;
typedef struct mesh_host_t mesh_host_t;
typedef struct mesh_host_config_t mesh_host_config_t;
typedef struct mesh_self_t mesh_self_t;

/* ---- the launching side ---- */

apr_status_t mesh_hosts_create(mesh_hosts_t **ret_hosts, mesh_node_t *node,
                               apr_pool_t *pool);
mesh_node_t *mesh_hosts_node(mesh_hosts_t *hosts);

/* For programs without a loop of their own: initialise pal, make a pool, a
 * loop, a leader node and its slab. mesh_close shuts down (hosts and node,
 * `timeout` each) and frees all of it. */
apr_status_t mesh_open(mesh_hosts_t **ret_hosts);
apr_status_t mesh_close(mesh_hosts_t **hosts, apr_interval_time_t timeout);

/* Tell all hosts to stop, wait for their end, kill those that run after
 * `timeout`. Launches are MESH_E_CLOSED from now on.
 * Errors: APR_TIMEUP if some were killed; MESH_E_REENTRANT. */
apr_status_t mesh_hosts_shutdown(mesh_hosts_t *hosts,
                                 apr_interval_time_t timeout);

/* Kill all that still run, and let go. To be called before the node is
 * destroyed, and not inside a callback: it frees what is calling. */
void mesh_hosts_destroy(mesh_hosts_t **hosts);

/* How many run, and what they are: an array of mesh_host_info_t from
 * `pool`. */
typedef struct mesh_host_info_t {
    const char *name;
    apr_int64_t pid;
    mesh_id_t node;
} mesh_host_info_t;
int mesh_hosts_count(mesh_hosts_t *hosts);
apr_status_t mesh_hosts_list(mesh_hosts_t *hosts,
                             apr_array_header_t **ret_infos, apr_pool_t *pool);

/* How to launch: `name` is for people (at most 255 bytes of UTF-8). A
 * configuration can be used for many launches. */
apr_status_t mesh_host_config_create(mesh_host_config_t **ret_config,
                                     const char *name, apr_pool_t *pool);

/* The command of the host: program (default: this one), arguments,
 * environment, limits, stderr. stdin and stdout are the null device,
 * descriptor 3 and the variable MESH_WORKER_INVITATION are the library's. */
pal_command_t *mesh_host_config_command(mesh_host_config_t *config);

/* Whether the name is appended to the arguments (default: yes). */
void mesh_host_config_name_arg_set(mesh_host_config_t *config, int on);

/* What the host gives up, from inside, once it has joined. */
typedef enum {
    MESH_CONFINE_NONE,  /* the default */
    MESH_CONFINE_WORKER /* no_new_privs and the system calls of
                           PAL_SYSCALLS_WORKER, or the host does not run; and
                           no files, where the kernel has Landlock */
} mesh_confine_t;
typedef enum {
    MESH_CONFINE_FIRST,  /* before the host's function (the default) */
    MESH_CONFINE_BY_HOST /* the function calls mesh_self_confine */
} mesh_confine_when_t;
void mesh_host_config_confine_set(mesh_host_config_t *config,
                                  mesh_confine_t confine,
                                  mesh_confine_when_t when);

/* Whether the host may have connections to other hosts, which it needs to use
 * ports whose other end is there (default: yes). Both hosts must have the
 * right; without it such ports fail at both ends. */
void mesh_host_config_may_connect_set(mesh_host_config_t *config, int on);

/* How long a host may take from its launch to its first packet (default
 * 30 s); it is killed after that. */
void mesh_host_config_join_timeout_set(mesh_host_config_t *config,
                                       apr_interval_time_t timeout);

/* Called once on the loop when the host has joined (APR_SUCCESS) or has not:
 * MESH_E_DIED, APR_TIMEUP. May be NULL. */
typedef void (*mesh_host_fn_t)(void *baton, mesh_host_t *host,
                               apr_status_t status);
void mesh_host_config_joined_set(mesh_host_config_t *config, mesh_host_fn_t fn,
                                 void *baton);

/* A host whose connection has ended but whose process runs on is killed 5 s
 * later. */

/* Called once on the loop when the host has ended; mesh_host_exit_code and
 * mesh_host_exit_signal tell how. After it the host is out of the slab. The
 * ports it held have closed or failed before. */
void mesh_host_config_exited_set(mesh_host_config_t *config, mesh_host_fn_t fn,
                                 void *baton);

/* Launch. Returns when the program runs; joining goes on by itself. The
 * struct `init` reaches the host's function (mesh_self_initial).
 * Ownership: *ret_host is the caller's, to be closed; what is in `init` is
 * taken on success only.
 * Errors: those of pal_process_start and mesh_message_pack; APR_ENOTIMPL: to
 * be confined, where pal has nothing for it (pal_confine_offers);
 * MESH_E_CLOSED after mesh_hosts_shutdown. */
apr_status_t mesh_host_launch(mesh_host_t **ret_host, mesh_hosts_t *hosts,
                              mesh_host_config_t *config,
                              const ProtobufCMessage *init);

/* The step of pal_process_start that failed in the last launch with this
 * configuration; PAL_STEP_NONE if it was something else, or nothing. */
pal_step_t mesh_host_config_failed_step(mesh_host_config_t *config);

/* The same with a single port as initial message: the host takes its end with
 * mesh_self_port_take. `ret_host` may be NULL, and so may `config`: a host
 * named "host" with all defaults. */
apr_status_t mesh_host_launch_port(mesh_host_t **ret_host, mesh_hosts_t *hosts,
                                   mesh_host_config_t *config,
                                   mesh_port_t **ret_port);

/* Wait until it has joined. Errors: MESH_E_DIED, APR_TIMEUP,
 * MESH_E_REENTRANT. */
apr_status_t mesh_host_wait_joined(mesh_host_t *host,
                                   apr_interval_time_t timeout);

/* Wait until it has ended. Errors: APR_TIMEUP, MESH_E_REENTRANT. */
apr_status_t mesh_host_wait(mesh_host_t *host, apr_interval_time_t timeout);

const char *mesh_host_name(mesh_host_t *host);
apr_int64_t mesh_host_pid(mesh_host_t *host);
mesh_id_t mesh_host_node_id(mesh_host_t *host);

/* As pal_process_exit_code and pal_process_exit_signal. */
int mesh_host_has_ended(mesh_host_t *host);
int mesh_host_exit_code(mesh_host_t *host);
int mesh_host_exit_signal(mesh_host_t *host);

/* Ask it to end: its blocking calls return MESH_E_STOPPING. */
void mesh_host_stop(mesh_host_t *host);

/* Have it abort, for its core dump: by request, and by SIGABRT if it has not
 * ended 5 s later. */
apr_status_t mesh_host_crash(mesh_host_t *host);

/* Kill it at once. */
apr_status_t mesh_host_kill(mesh_host_t *host);

/* Let go of the variable. The host goes on and stays in the slab. */
void mesh_host_close(mesh_host_t **host);

/* ---- the launched side ---- */

/* If this process was launched as a host: join, confine, run fn(self, baton),
 * let what was sent reach its destination, and end the process; else return.
 * To be called first thing in main, while there is one thread; it calls
 * pal_initialize itself. `base_name` and the host's name become the process
 * name ("base-name").
 *
 * fn may block in calls of mesh or run the loop (mesh_node_loop of
 * mesh_self_node). When the launching process lets go of this host
 * (mesh_host_stop, its shutdown or death), each blocking call returns
 * MESH_E_STOPPING and a running loop is stopped; fn should return.
 *
 * Exit code: 0 if fn returned APR_SUCCESS, MESH_E_STOPPING or MESH_E_CLOSED;
 * 70 with a line on stderr if the invitation was not valid, the peer broke the
 * protocol (fn tells by MESH_E_PROTOCOL), or the confinement could not be had;
 * 1 with a line on stderr if fn returned something else. Only this function
 * prints or exits. */
typedef apr_status_t (*mesh_self_fn_t)(mesh_self_t *self, void *baton);
void mesh_run_host_if_launched(const char *base_name, mesh_self_fn_t fn,
                               void *baton);

mesh_node_t *mesh_self_node(mesh_self_t *self);
const char *mesh_self_name(mesh_self_t *self);

/* The struct given to mesh_host_launch, as `type`. It lives as long as this
 * function runs; ports and handles can be taken out.
 * Errors: MESH_E_MISSING if there was none; those of mesh_message_unpack. */
apr_status_t mesh_self_initial(mesh_self_t *self,
                               const ProtobufCMessageDescriptor *type,
                               ProtobufCMessage **ret_value);

/* The port of mesh_host_launch_port. Ownership: the caller's.
 * Errors: MESH_E_RESOURCE and others if the launcher sent something else. */
apr_status_t mesh_self_port_take(mesh_self_t *self, mesh_port_t **ret_port);

/* Has the launching process let go of this host? */
int mesh_self_is_stopping(mesh_self_t *self);

/* Confine now, as the launcher configured (MESH_CONFINE_BY_HOST); nothing if
 * it has been done. Errors: those of pal_confine_apply. */
apr_status_t mesh_self_confine(mesh_self_t *self);

#ifdef __cplusplus
}
#endif
#endif
