/* This process: its program, its names, its parent, its environment.
 *
 * Threads: any, unless a call says otherwise. */
#ifndef PAL_SELF_H
#define PAL_SELF_H

#include <apr_pools.h>

#include <pal/handle.h>
#include <pal/process.h>

#ifdef __cplusplus
extern "C" {
#endif

apr_int64_t pal_self_pid(void);
int pal_self_cpus(void); /* processors this process may run on, at least 1 */

/* Path of the own executable, from `pool`. Of a replaced file it is where it
 * was. */
apr_status_t pal_self_path(const char **ret_path, apr_pool_t *pool);

/* The own executable, for pal_command_program_handle_set; also where its file
 * was removed or replaced. Nothing can be read from it.
 * Ownership: *ret_program is the caller's. */
apr_status_t pal_self_handle(pal_handle_t *ret_program);

/* argv[0] as this process was called, from `pool`. */
apr_status_t pal_self_argv0(const char **ret_argv0, apr_pool_t *pool);

/* The name that tools show for the main thread (/proc/self/comm); longer
 * ones are cut (15 bytes on Linux). To be called on the main thread. */
apr_status_t pal_self_name_set(const char *name);

/* The same name as it is, from `pool`. To be called on the main thread. */
apr_status_t pal_self_name(const char **ret_name, apr_pool_t *pool);

/* The parent at this moment: 0 if it is outside of the own pid namespace, and
 * after its death whoever adopted this process. */
apr_int64_t pal_self_parent_pid(void);

/* Take hold of the parent, as pal_process_attach does, but so that it cannot
 * be another process that got its pid meanwhile.
 * Ownership: *ret_process is the caller's, to be closed.
 * Errors: ESRCH if it is outside of the own pid namespace; APR_ENOTIMPL: a
 * system without pidfd. */
apr_status_t pal_self_parent(pal_process_t **ret_process);

/* Take a variable out of the environment: its value from `pool`, or NULL if
 * it is not set. Threads: not while others use the environment. */
apr_status_t pal_self_env_take(const char *name, const char **ret_value,
                               apr_pool_t *pool);

/* Is `handle` a terminal? */
int pal_self_is_terminal(pal_handle_t handle);

/* End the process at once, without exit handlers. */
void pal_self_exit(int code);

#ifdef __cplusplus
}
#endif
#endif
