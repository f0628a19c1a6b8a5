/* What a new child does before it runs its program.
 *
 * It may be in the memory of its parent, with a thread of the parent waiting:
 * so system calls are made raw, because the sanitizers intercept the C
 * library's and would take what the child does for the parent's doing, and
 * everything it needs is prepared in a pal__child_t. */
#ifndef PAL_CHILD_LINUX_H
#define PAL_CHILD_LINUX_H

#include "../pal_compiler.h"
#include "../process_private.h"
#include "spawn_unix.h"

#include <errno.h>
#include <linux/filter.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* Kernel interfaces that the C library's headers may be too old for. The
 * numbers are the same on every architecture (alpha apart). */
#ifndef CLOSE_RANGE_UNSHARE
#    define CLOSE_RANGE_UNSHARE 2
#endif
#ifndef SYS_pidfd_open
#    define SYS_pidfd_open 434
#endif
#ifndef SYS_close_range
#    define SYS_close_range 436
#endif

#define PAL__SIGNAL_SET_SIZE 8     /* bytes of the kernel's set of signals */
#define PAL__SIGNAL_ACTION_SIZE 64 /* at least that of its struct sigaction */

/* A descriptor that the child needs up to the exec, and not after it. */
enum {
    PAL__KEPT_EXEC,    /* pipe that tells of the exec by closing */
    PAL__KEPT_PROGRAM, /* to run */
    PAL__KEPT_RULESET, /* of Landlock */
    PAL__KEPT_PARENT,  /* its pidfd, where it has no pid */
    PAL__N_KEPT
};

/* What the child has to say. */
typedef struct pal__result_t {
    int err;
    pal_step_t step;
    unsigned int held;
} pal__result_t;

/* The message that tells a keeper of the child. */
typedef struct pal__note_t {
    struct msghdr message;
    struct iovec byte;
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
} pal__note_t;

/* All that the child works with. */
typedef struct pal__child_t {
    const pal__spawn_t *spawn;
    pid_t parent;
    int has_close_range;
    int is_shared;    /* the descriptor table is the parent's */
    int is_in_cgroup; /* of its job, from the start */
    int has_begun;    /* to run */
    int namespaces;   /* that it was made in: CLONE_NEW... */
    int cut;          /* nothing from this number on is passed on */
    int spare;        /* where to look for a number that is not in use */
    int opened[PAL__N_KEPT]; /* by the parent, or -1; the child leaves them */
    int kept[PAL__N_KEPT];   /* the same in the child, which moves them */
    int cgroup;              /* cgroup.procs, or -1 */
    int pidfd;               /* of the child, in a shared table, or -1 */
    pal__result_t result;
    pal__result_t *report; /* shared with a parent that shares nothing else */
    pal__note_t note;
    struct sock_fprog filter;
    char uid_map[32], gid_map[32], oom_score[8];
    int from[PAL_COMMAND_MAX_HANDLES];
    apr_uint64_t limit[2];
    apr_uint64_t signal_set;
    char default_action[PAL__SIGNAL_ACTION_SIZE]; /* SIG_DFL is 0 */
    apr_uint64_t entries[256];                    /* of /proc/self/fd */
} pal__child_t;

PAL__NO_SANITIZER static inline long pal__raw(long number, long a, long b,
                                              long c, long d)
{
    return syscall(number, a, b, c, d, 0L, 0L);
}

/* Run in the child: all steps, then the program. Does not return. */
int pal__child_run(void *child);

/* Make a child in the cgroup of its job, to run pal__child_run: as clone(2)
 * with `flags`, and SIGCHLD. Returns the pid; -1, and errno. */
int pal__clone_into(pal__child_t *child, int flags, char *stack,
                    apr_size_t stack_size);

/* Step PAL_STEP_HANDLES: a table of its own, with the descriptors at their
 * numbers and nothing else. Returns an errno value. */
int pal__table_place(pal__child_t *child);

/* A ruleset that lets `rules` through; -1, and errno. */
int pal__landlock_open(const pal__rule_t *rules);

#endif
