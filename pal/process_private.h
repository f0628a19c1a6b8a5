/* What process.c shares with the platform's half of <pal/process.h>.
 *
 * process.c keeps the command and turns it into plain lists; the platform
 * (unix/process_unix.c) starts the child, waits for it and ends it. To port,
 * provide the two functions below and every pal_process_* of the public
 * header but pal_process_start. */
#ifndef PAL_PROCESS_PRIVATE_H
#define PAL_PROCESS_PRIVATE_H

#include <apr_pools.h>

#include <pal/handle.h>
#include <pal/process.h>

#define PAL__N_STDIO 3
#define PAL__N_LIMITS (PAL_LIMIT_FILE + 1)

typedef struct pal__arg_t {
    struct pal__arg_t *next;
    const char *text;
} pal__arg_t;

/* One change to the environment. */
typedef struct pal__env_t {
    struct pal__env_t *next;
    const char *entry; /* "NAME=value" to set, "NAME" to unset */
    apr_size_t name_len;
    int is_set;
} pal__env_t;

/* A handle for the child. */
typedef struct pal__given_t {
    pal_handle_t handle;
    int number;
} pal__given_t;

typedef struct pal__limit_t {
    int is_set;
    apr_uint64_t value;
} pal__limit_t;

struct pal_command_t {
    apr_pool_t *pool;
    const char *program;    /* one of these two, or neither: the path, */
    const char *self_argv0; /* or how this process was called */
    const char *argv0;      /* NULL: the one that is set */
    pal__arg_t *args, **last_arg;
    int n_args;
    pal__env_t *env; /* each name once */
    int n_env;
    int env_is_cleared;
    pal_stdio_t stdio[PAL__N_STDIO]; /* for numbers not in `given` */
    pal__given_t given[PAL_COMMAND_MAX_HANDLES]; /* by number, ascending */
    int n_given;
    const char *folder; /* NULL: the parent's */
    pal__limit_t limits[PAL__N_LIMITS];
    int no_new_privs;
    int die_with_parent;
    struct pal_job_t *job; /* NULL: none */
    pal_step_t failed_step;
};

/* What a job wants of a child that is launched into it. The child does these
 * three things first of all, in this order, and a failure of one is a failed
 * launch, PAL_STEP_JOB. */
typedef struct pal__job_entry_t {
    pal_handle_t cgroup; /* cgroup.procs, open to write: it writes "0" */
    int own_group;       /* to lead a process group of its own, if the command
                            names no group and no session */
    pal_handle_t keeper; /* socket: it sends one byte and its own pidfd, or
                            only the byte, whose sender it is (SO_PASSCRED),
                            if the system has no such thing */
} pal__job_entry_t;
#define PAL__JOB_ENTRY_NONE                                                   \
    {                                                                         \
        PAL_HANDLE_NONE, 0, PAL_HANDLE_NONE                                   \
    }

/* Provided by job.c: called by pal_process_start around each launch with a
 * job, on the thread that launches. If `entering` fails the launch fails with
 * its status. What *ret_entry names must be there until `entered`, which gets
 * the process, or NULL if the launch has failed, and cannot fail. */
apr_status_t pal__job_entering(struct pal_job_t *job,
                               pal__job_entry_t *ret_entry);
void pal__job_entered(struct pal_job_t *job, pal_process_t *process);

/* The environment of this process: "NAME=value" strings, then NULL. Borrowed
 * until someone changes the environment. */
char *const *pal__environment(void);

/* The handle that stands for the child, or PAL_HANDLE_NONE. Borrowed. */
pal_handle_t pal__process_handle(pal_process_t *process);

/* Start the child that `command` describes; argv and envp end with NULL and
 * are borrowed for the call. Returns when the child runs the program. On
 * failure *ret_step names what failed and nothing is left. */
apr_status_t pal__process_launch(pal_process_t **ret_process,
                                 const pal_command_t *command,
                                 const pal__job_entry_t *entry,
                                 char *const *argv, char *const *envp,
                                 pal_step_t *ret_step);

#endif
