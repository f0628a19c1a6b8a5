/* What the system tells about processes that the conformance contract asks
 * for (README.md 2). */
#ifndef CONFORM_PROC_H
#define CONFORM_PROC_H

#include <apr_errno.h>
#include <apr_pools.h>

/* The name that tools show for this process. */
apr_status_t proc_comm(const char **ret_comm, apr_pool_t *pool);

/* What is left of such a name where the system has room for less, or none. */
const char *proc_comm_expected(const char *name, apr_pool_t *pool);

/* What descriptor `number` of this process, 0 or 1, refers to; what it is for
 * the device that swallows everything. */
extern const char proc_null[];
apr_status_t proc_link(int number, const char **ret_target, apr_pool_t *pool);

/* The descriptors above 2 of another process that a program started by it
 * would inherit, as text for people; "" if there are none. Can they be seen
 * at all? */
extern const int proc_sees_inheritable;
apr_status_t proc_inheritable(apr_int64_t pid, const char **ret_text,
                              apr_pool_t *pool);

#endif
