/* This process: its program, its names, its environment.
 *
 * Threads: any, unless a call says otherwise. */
#ifndef PAL_SELF_H
#define PAL_SELF_H

#include <apr_pools.h>

#include <pal/handle.h>

#ifdef __cplusplus
extern "C" {
#endif

apr_int64_t pal_self_pid(void);
int pal_self_cpus(void); /* processors this process may run on, at least 1 */

/* Path of the own executable, from `pool`. Of a replaced file it is where it
 * was. */
apr_status_t pal_self_path(const char **ret_path, apr_pool_t *pool);

/* argv[0] as this process was called, from `pool`. */
apr_status_t pal_self_argv0(const char **ret_argv0, apr_pool_t *pool);

/* The name that tools show for the main thread (/proc/self/comm); longer
 * ones are cut (15 bytes on Linux). To be called on the main thread. */
apr_status_t pal_self_name_set(const char *name);

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
