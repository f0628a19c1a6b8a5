/* What the system tells about processes that the conformance contract asks
 * for (README.md 2). */
#ifndef CONFORM_PROC_H
#define CONFORM_PROC_H

#include <apr_errno.h>
#include <apr_pools.h>

/* The name that tools show for this process. */
apr_status_t proc_comm(const char **ret_comm, apr_pool_t *pool);

/* What the descriptor `number` of this process refers to. */
apr_status_t proc_link(int number, const char **ret_target, apr_pool_t *pool);

/* The descriptors above 2 of another process that a program started by it
 * would inherit, as text for people; "" if there are none. */
apr_status_t proc_inheritable(apr_int64_t pid, const char **ret_text,
                              apr_pool_t *pool);

#endif
