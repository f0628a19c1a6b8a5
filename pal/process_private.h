/* What the two halves of <pal/process.h> and <pal/privilege.h> share.
 *
 * command.c, environment.c and privilege.c keep a command, process.c turns it
 * into plain lists and has it launched; the platform (unix/launch_unix.c,
 * unix/process_unix.c) starts the child, waits for it and ends it. To port,
 * provide pal__environment_*, pal__process_handle and pal__process_launch, and
 * every pal_process_* of the public headers but pal_process_start. What a
 * platform cannot do for a command fails the launch with APR_ENOTIMPL at that
 * step, or is left out if the step's mode is best effort. */
#ifndef PAL_PROCESS_PRIVATE_H
#define PAL_PROCESS_PRIVATE_H

#include <apr_pools.h>

#include <pal/confine.h>
#include <pal/handle.h>
#include <pal/privilege.h>
#include <pal/process.h>

#define PAL__N_STDIO 3
#define PAL__N_LIMITS (PAL_LIMIT_RT_TIME + 1)
#define PAL__N_STEPS (PAL_STEP_EXEC + 1)
#define PAL__N_CAPABILITY_SETS (PAL_CAPABILITIES_AMBIENT + 1)
#define PAL__FILTER_ITEM 8 /* bytes of an instruction */

/* CPUs are bits of words as the system takes them. */
#define PAL__WORD_BITS (8 * (int)sizeof(unsigned long))
#define PAL__N_CPU_WORDS (PAL_COMMAND_MAX_CPUS / (8 * sizeof(unsigned long)))

/* What `program` of a command is. */
typedef enum {
    PAL__PROGRAM_NONE,
    PAL__PROGRAM_PATH,
    PAL__PROGRAM_SEARCH, /* a name to be looked for in PATH */
    PAL__PROGRAM_HANDLE, /* what to call the open file */
    PAL__PROGRAM_SELF    /* how this process was called */
} pal__program_t;

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

/* The value by which the child knows it. Provided by the platform. */
intptr_t pal__given_value(const pal__given_t *given);

/* A value that may be set: a limit, a set of capabilities, an id. */
typedef struct pal__setting_t {
    int is_set;
    apr_uint64_t value;
} pal__setting_t;

/* A place of the file system that Landlock leaves open. */
typedef struct pal__rule_t {
    struct pal__rule_t *next;
    const char *path; /* NULL: the handle */
    pal_handle_t handle;
    int rights;
} pal__rule_t;

struct pal_command_t {
    apr_pool_t *pool;
    pal__program_t program_kind;
    const char *program;
    pal_handle_t program_handle;
    const char *argv0; /* NULL: `program` */
    pal__arg_t *args, **last_arg;
    int n_args;
    pal__env_t *env; /* each name once */
    int n_env;
    int env_is_cleared;
    pal_stdio_t stdio[PAL__N_STDIO]; /* for numbers not in `given` */
    pal__given_t given[PAL_COMMAND_MAX_HANDLES]; /* by number, ascending */
    int n_given;
    const char *folder; /* these two NULL and NONE: the parent's */
    pal_handle_t folder_handle;
    pal__setting_t umask, group, nice, oom_score; /* signed ones cast */
    int session;
    pal_handle_t terminal;
    int n_cpus; /* 0: the parent's */
    unsigned long cpus[PAL__N_CPU_WORDS];
    pal__setting_t limits[PAL__N_LIMITS];
    pal_hook_fn_t hook;
    void *hook_baton;
    pal__setting_t uid, gid;
    const apr_uint32_t *groups;
    int n_groups; /* -1: not set */
    pal__setting_t capabilities[PAL__N_CAPABILITY_SETS];
    int no_new_privs;
    int windows; /* PAL_WINDOWS_... */
    const void *filter;
    int n_filter; /* instructions */
    pal__rule_t *rules, **last_rule;
    int n_rules;
    int namespaces;
    pal_handle_t cgroup;
    int die_with_parent;
    pal_confine_mode_t modes[PAL__N_STEPS];
    struct pal_job_t *job; /* NULL: none */
    pal_step_t failed_step;
};

/* What a job wants of a child that is launched into it. It is made in
 * the namespaces, whatever the mode of the command. The rest the child does
 * first of all, in this order, and a failure is a failed launch,
 * PAL_STEP_JOB. */
typedef struct pal__job_entry_t {
    pal_handle_t cgroup; /* cgroup.procs, open to write: it writes "0", if it
                            was not made in the cgroup */
    pal_handle_t cgroup_folder;
    int own_group;       /* to lead a process group of its own, if the command
                            names no group and no session */
    pal_handle_t keeper; /* socket: it sends one byte and its own pidfd, or
                            only the byte, whose sender it is (SO_PASSCRED),
                            if the system has no such thing */
    int namespaces;      /* PAL_NAMESPACE_... */
} pal__job_entry_t;
#define PAL__JOB_ENTRY_NONE                                                   \
    {                                                                         \
        PAL_HANDLE_NONE, PAL_HANDLE_NONE, 0, PAL_HANDLE_NONE, 0               \
    }

/* Provided by job.c: called by pal_process_start around each launch with a
 * job, on the thread that launches. If `entering` fails the launch fails with
 * its status. What *ret_entry names must be there until `entered`, which gets
 * the process, or NULL if the launch has failed, and cannot fail. After a
 * failure the job gives up what handles it can spare. */
apr_status_t pal__job_entering(struct pal_job_t *job,
                               pal__job_entry_t *ret_entry);
void pal__job_entered(struct pal_job_t *job, pal_process_t *process);

/* A copy of `size` bytes from the pool of the command, or NULL. Its memory
 * comes by apr_palloc, checked: what APR builds on it (apr_pcalloc,
 * apr_pstrdup, arrays) does not look whether there was any. */
void *pal__command_keep(const pal_command_t *command, const void *data,
                        apr_size_t size);

/* The same for a string; *ret_copy is changed on success only. */
apr_status_t pal__command_keep_text(const pal_command_t *command,
                                    const char *text, const char **ret_copy);

/* The steps that may be left out (pal_command_mode_set), as far as the command
 * asks for them: a bit for each. */
unsigned int pal__command_wanted(const pal_command_t *command);

/* Most strings that the child's environment can have, if that of this process
 * is `parent`; then fill `envp`, which has room for these and NULL, with
 * borrowed ones. */
apr_size_t pal__environment_size(const pal_command_t *command,
                                 char *const *parent);
void pal__environment_fill(const pal_command_t *command, char *const *parent,
                           char **envp);

/* The environment of this process: "NAME=value" strings, then NULL. Borrowed
 * until someone changes the environment, and to be given back. */
apr_status_t pal__environment_get(char ***ret_environment);
void pal__environment_put(char **environment);

/* Do these `len` bytes name the same variable? */
int pal__environment_is_name(const char *a, const char *b, apr_size_t len);

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
