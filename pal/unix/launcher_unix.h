/* The launcher: one thread that lives as long as the process.
 *
 * On Linux the parent-death signal is sent when the thread that made the
 * child ends, not when its process does. A child that is to live as long as
 * the process is therefore made on the main thread or on this one. The
 * thread is made at the first need, takes no signals, and is never joined.
 *
 * Threads: any number at once. */
#ifndef PAL_LAUNCHER_UNIX_H
#define PAL_LAUNCHER_UNIX_H

#include <apr_errno.h>

#include <pthread.h>

/* Call fn(baton) on the launcher thread and wait until it is done.
 * Errors: what pthread_create says if there is no thread yet; then fn was not
 * called. */
apr_status_t pal__launcher_call(void (*fn)(void *baton), void *baton);

/* Start a thread that takes no signals; returns 0 or an errno value. */
int pal__thread_start(pthread_t *ret_thread, size_t stack_size,
                      void *(*fn)(void *), void *arg);

#endif
