/* What launch_unix.c, which starts a child, and process_unix.c, which follows
 * it, share. */
#ifndef PAL_PROCESS_UNIX_H
#define PAL_PROCESS_UNIX_H

#include "../process_private.h"

#include <pal/process.h>

#include <pthread.h>
#include <sys/types.h>

struct pal_process_t {
    pid_t pid;
    int ready;        /* descriptor that tells of the end */
    int has_pidfd;    /* `ready` is one */
    int is_attached;  /* not to be reaped, with a pidfd always */
    pthread_t waiter; /* if there is no pidfd */
    struct pal__waiter_t *expecting; /* it has not been told the pid; or NULL
                                      */
    /* Held while the status is read or a signal is sent: once the status has
     * been read the pid may be someone else's. */
    pthread_mutex_t lock;
    int has_ended;
    int exit_code;
    int exit_signal;
    int dumped_core;
    apr_interval_time_t user_time, system_time;
    apr_uint64_t peak_memory;
    unsigned int held; /* a bit for each step */
    pal_handle_t pipes[PAL__N_STDIO];
    pal_watch_t *watch;
    pal_process_fn_t fn;
    void *baton;
};

/* A process that is not followed yet; NULL without memory. */
pal_process_t *pal__process_new(void);

/* Get ready, before there is a child, to follow one that has no pidfd: what
 * that takes may not be had, and a child that runs cannot be taken back.
 * Followed or freed by the same thread. Returns an errno value. */
int pal__process_expect(pal_process_t *process);

/* Follow the child `pid`, by its pidfd, which is taken over, or if that is -1
 * by other means. Returns an errno value, and then has done nothing; never
 * after pal__process_expect. */
int pal__process_follow(pal_process_t *process, pid_t pid, int pidfd);

/* Hold a process that need not be a child, by its pidfd, which is taken over;
 * -1: none, for the reason that errno gives. */
apr_status_t pal__process_hold(pal_process_t **ret_process, pid_t pid,
                               int pidfd);

/* Close the pipes, and free it. It is followed no more. */
void pal__process_free(pal_process_t *process);

#endif
