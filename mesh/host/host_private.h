/* Shared between the files of mesh/host/ only. */
#ifndef MESH_HOST_PRIVATE_H
#define MESH_HOST_PRIVATE_H

#include <mesh/host.h>

#include "generic.h"
#include "node.h"

#include "host.pb-c.h"

struct mesh_hosts_t {
    mesh_node_t *node;
    apr_pool_t *pool;
    mesh_host_t *first; /* those that run */
    int n;
    int closing;
    mesh_host_config_t *defaults; /* for launches without one */
    /* mesh_open */
    int owns_node;
    pal_loop_t *loop;
    apr_pool_t *root;
};

struct mesh_host_config_t {
    apr_pool_t *pool;
    const char *name;
    pal_command_t *command;
    int name_arg;
    mesh_confine_t confine;
    mesh_confine_when_t confine_when;
    int rights;
    pal_step_t failed_step; /* of the last launch */
    apr_interval_time_t join_timeout;
    mesh_host_fn_t joined, exited;
    void *joined_baton, *exited_baton;
};

/* What a host's timer is for. */
typedef enum {
    HOST_TIMER_NONE,
    HOST_TIMER_JOIN,     /* its first packet is late: kill */
    HOST_TIMER_CRASH,    /* it does not crash: abort */
    HOST_TIMER_LINKLESS, /* it ended its link and runs on: kill */
    HOST_TIMER_UNLINK    /* it ended, its link did not: somebody else holds
                            the socket. Cut it. */
} host_timer_t;

struct mesh_host_t {
    mesh_host_t *prev, *next;
    mesh_hosts_t *hosts; /* NULL once it is out of the slab */
    int refs;            /* the slab's and the user's */
    apr_pool_t *pool;
    const char *name;
    mesh_id_t node_id;
    apr_int64_t pid;
    pal_process_t *process;
    mesh_sender_t *requests; /* of HostRequest */
    pal_timer_t *timer;
    host_timer_t timer_for;
    apr_status_t joined; /* APR_EAGAIN: not known yet */
    int linked;          /* its connection is up */
    int ended;           /* its process has ended */
    int exit_code, exit_signal;
    mesh_host_fn_t joined_fn, exited_fn;
    void *joined_baton, *exited_baton;
};

/* slab.c: a host object in the slab, and taking it out again. */
apr_status_t mesh__host_make(mesh_host_t **ret_host, mesh_hosts_t *hosts,
                             const mesh_host_config_t *config);
void mesh__host_unref(mesh_host_t *host);
void mesh__host_remove(mesh_host_t *host);

/* life.c: what happens to it. */
void mesh__host_peer_event(void *baton, mesh__peer_event_t event);
void mesh__host_process_ended(void *baton, pal_process_t *process);
void mesh__host_timer_set(mesh_host_t *host, host_timer_t what,
                          apr_interval_time_t delay);
void mesh__host_timer_fired(void *baton);

#endif
