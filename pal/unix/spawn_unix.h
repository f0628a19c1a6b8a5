/* Making a child process: spawn_linux.c, or with --disable-linux-native
 * spawn_posix.c.
 *
 * Threads: any number at once. */
#ifndef PAL_SPAWN_UNIX_H
#define PAL_SPAWN_UNIX_H

#include "../process_private.h"

#include <pal/process.h>

#include <sys/types.h>

typedef struct pal__spawn_t {
    const pal_command_t *command; /* but its handles: see below */
    const pal__job_entry_t *entry;
    /* Paths to try in turn, then NULL; or NULL for what the command says: its
     * program's handle or the own executable. */
    char *const *programs;
    char *const *argv, *const *envp;
    /* Descriptors from[i] of the parent become to[i] of the child; to[] is
     * ascending without repeats. */
    int from[PAL_COMMAND_MAX_HANDLES], to[PAL_COMMAND_MAX_HANDLES];
    int n_handles;

    /* Results. */
    int err;           /* 0, or an errno value */
    pal_step_t step;   /* that failed */
    unsigned int held; /* a bit for each step of the command's that can fail
                          in best effort, and has not */
    pid_t pid;
    int pidfd; /* or -1 */
} pal__spawn_t;

/* Start the child and return once it runs the program. After a failure no
 * child is left. */
void pal__spawn(pal__spawn_t *spawn);

#endif
