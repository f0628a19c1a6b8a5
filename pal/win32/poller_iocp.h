/* The poller's inside, for what waits by overlapped I/O (channel_win32.c).
 *
 * A source is something that a loop calls back. It is armed before a wait: it
 * starts an operation that uses its OVERLAPPED, has something post it, or says
 * that it is ready already. It becomes ready when the operation is done or
 * when it is posted; being ready, it is called once, and armed again before
 * the next wait.
 *
 * Threads: the loop's, except pal__source_post. */
#ifndef PAL_POLLER_IOCP_H
#define PAL_POLLER_IOCP_H

#include <apr_errno.h>

#include <pal/loop.h>

#include <windows.h>

typedef struct pal__source_t pal__source_t;

/* The completion port of a poller. It lives as long as somebody holds it, so
 * a handle that was tied to one can tell that one from any other. */
typedef struct pal__port_t pal__port_t;

typedef struct pal__source_ops_t {
    /* Begin to wait; to be done only what is not done yet. Calls nobody. */
    void (*arm)(void *baton);
    /* The source is ready. May close it. Returns how many callbacks of the
     * user were made: 0 or 1. */
    int (*call)(void *baton);
} pal__source_ops_t;

apr_status_t pal__source_create(pal__source_t **ret_source, pal_loop_t *loop,
                                const pal__source_ops_t *ops, void *baton);

/* Close it, also from inside its own call. An operation that is under way
 * must have been cancelled, or its handle closed; its OVERLAPPED stays in
 * memory until the system is done with it. Nobody posts it any more. */
void pal__source_close(pal__source_t **source);

/* Arm it before the next wait, since what it waits for has changed. */
void pal__source_rearm(pal__source_t *source);

/* It is ready. */
void pal__source_ready(pal__source_t *source);

/* The same. Threads: any. */
void pal__source_post(pal__source_t *source);

/* The OVERLAPPED for a new operation, all zero; the source counts as busy
 * until the completion arrives. pal__source_failed: it was not started after
 * all, and no completion comes. */
OVERLAPPED *pal__source_start(pal__source_t *source);
void pal__source_failed(pal__source_t *source);
int pal__source_is_busy(const pal__source_t *source);

/* Have the completions of `handle` arrive at the source's loop, which holds
 * for the open object, whoever has a handle of it, until it is gone.
 * Ownership: *ret_port is the caller's, to be given back to
 * pal__port_release. */
apr_status_t pal__source_tie(pal__source_t *source, HANDLE handle,
                             pal__port_t **ret_port);
int pal__source_is_tied(const pal__source_t *source, const pal__port_t *port);
void pal__port_release(pal__port_t **port);

#endif
