/* The named pipes that channels and streams are made of: message mode, the
 * name unguessable, for this user only and from this machine only. What kind
 * an end is of is read from the name of its pipe.
 *
 * Threads: any. */
#ifndef PAL_PIPE_WIN32_H
#define PAL_PIPE_WIN32_H

#include <apr_errno.h>

#include <pal/handle.h>

#include <windows.h>

typedef enum {
    PAL__PIPE_OTHER,
    PAL__PIPE_CHANNEL,
    PAL__PIPE_STREAM
} pal__pipe_kind_t;

/* Can it be a handle at all, and none of the values that stand for the own
 * process or thread? */
int pal__handle_is_plain(pal_handle_t handle);

/* What an error of a call on a pipe means. */
apr_status_t pal__pipe_status(DWORD error);

/* Two connected ends. */
apr_status_t pal__pipe_pair(pal__pipe_kind_t kind, pal_handle_t ret_ends[2]);

/* What `handle` is an end of. Errors: APR_EBADF. */
apr_status_t pal__pipe_kind(pal_handle_t handle, pal__pipe_kind_t *ret_kind);

/* Were both ends made by this process? */
int pal__pipe_is_ours(HANDLE pipe);

/* For listener_win32.c: the server's end of a pipe for each connection, the
 * first of them only if there is no such pipe yet, and the client's end.
 * `name` is without the prefix. Who may connect is said by `sddl`, or if that
 * is NULL it is this user only, or everyone of this machine. */
apr_status_t pal__pipe_serve(pal__pipe_kind_t kind, const char *name,
                             const char *sddl, int is_private, int is_first,
                             int n_instances, HANDLE *ret_pipe);
apr_status_t pal__pipe_connect(pal__pipe_kind_t kind, const char *name,
                               HANDLE *ret_pipe);

/* Is there such a pipe? */
int pal__pipe_is_served(pal__pipe_kind_t kind, const char *name);

/* Wait at most `timeout` milliseconds until somebody can connect. */
void pal__pipe_wait(pal__pipe_kind_t kind, const char *name, int timeout);

/* May `name` be the name of a pipe? Errors: APR_EINVAL, PAL_E_LIMIT. */
apr_status_t pal__pipe_name_check(const char *name);

#endif
