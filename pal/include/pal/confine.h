/* Giving up rights from inside: after it a process can use what it holds and
 * get nothing new.
 *
 * Life cycle: pal_confine_create; choose layers; pal_confine_apply once, for
 * good, while the process has a single thread (an older thread would stay
 * free); pal_confine_held tells layer by layer what holds. With
 * --disable-linux-native there is no layer.
 *
 * On Windows, where threads do not matter, NO_NEW_PRIVS removes all privileges
 * but that of passing through folders; SYSCALLS stands for the mitigation
 * policies that let the process make no child, load no code from elsewhere and
 * make none; FILES is not offered: with best effort the process gets low
 * integrity, which keeps it from writing, and the layer is not held.
 *
 * Threads: one. */
#ifndef PAL_CONFINE_H
#define PAL_CONFINE_H

#include <apr_pools.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pal_confine_t pal_confine_t;

typedef enum {
    PAL_CONFINE_NO_NEW_PRIVS,
    PAL_CONFINE_FILES,   /* Landlock: no path can be opened or changed, no TCP
                            port bound or connected, no signal or abstract
                            socket to processes outside, as the kernel has */
    PAL_CONFINE_SYSCALLS /* seccomp: an allow list */
} pal_confine_layer_t;

typedef enum {
    PAL_CONFINE_STRICT,     /* it holds, or the call fails */
    PAL_CONFINE_BEST_EFFORT /* pal_confine_held tells */
} pal_confine_mode_t;

/* Lists of system calls, compiled in (confine lists in pal/unix/). */
typedef enum {
    PAL_SYSCALLS_WORKER /* computes on handles it holds or receives: no open,
                           no socket, no exec, no new process or thread, no
                           signal to others. Refused calls: EPERM; unknown
                           ones and clone3: ENOSYS. */
} pal_syscalls_t;

apr_status_t pal_confine_create(pal_confine_t **ret_confine, apr_pool_t *pool);

/* Choose a layer. For PAL_CONFINE_SYSCALLS also a list
 * (default PAL_SYSCALLS_WORKER). no_new_privs is implied by the others. */
apr_status_t pal_confine_layer_set(pal_confine_t *confine,
                                   pal_confine_layer_t layer,
                                   pal_confine_mode_t mode);
apr_status_t pal_confine_syscalls_set(pal_confine_t *confine,
                                      pal_syscalls_t list);

/* Apply all chosen layers. On failure some may hold already: the process
 * should end. Threads are counted in /proc.
 * Errors: PAL_E_THREADS; APR_ENOTIMPL: a strict layer does not exist here;
 * what the system says. */
apr_status_t pal_confine_apply(pal_confine_t *confine);

/* Does the layer hold? 0 before pal_confine_apply. */
int pal_confine_held(pal_confine_t *confine, pal_confine_layer_t layer);

/* Is the layer there at all: built in, and offered by this kernel? */
int pal_confine_offers(pal_confine_layer_t layer);

#ifdef __cplusplus
}
#endif
#endif
