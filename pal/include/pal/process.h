/* Starting processes with exactly the handles they are given.
 *
 * A command describes a launch and can be used again and again; a process is
 * one child that runs or has ended.
 *
 *   pal_command_create(&cmd, pool);
 *   pal_command_program_set(cmd, "/bin/cat");
 *   pal_command_handle_add(cmd, file, 0);
 *   pal_process_start(&process, cmd);
 *   pal_process_wait(process, -1);
 *   code = pal_process_exit_code(process);
 *   pal_process_close(&process);
 *
 * The child gets descriptors 0-2 as the command says, the added handles at
 * their numbers, and nothing else; default signal dispositions and an empty
 * signal mask; the environment of the parent as changed by the command. On
 * Linux the cost of a launch grows neither with the parent's memory nor with
 * its descriptors, as long as those passed on have low numbers (70 ns for
 * each number up to the highest). No SIGCHLD handler is installed and no other
 * child is ever waited for. A kernel or sandbox that lacks what this needs
 * (close_range, clone with shared memory, pidfd) costs speed only: the last
 * way is fork and a waiting thread for each child.
 *
 * Threads: a command by one thread at a time; launches from any number of
 * threads at once, but not while another changes the environment; a process
 * by one thread at a time, except pal_process_kill and pal_process_pid: any.
 */
#ifndef PAL_PROCESS_H
#define PAL_PROCESS_H

#include <apr_pools.h>
#include <apr_time.h>

#include <pal/handle.h>
#include <pal/loop.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Limits of one command; beyond them the setters return PAL_E_LIMIT. */
#define PAL_COMMAND_MAX_HANDLES 256 /* stdio included */
#define PAL_COMMAND_MAX_NUMBER 4095 /* highest number in the child */

typedef struct pal_command_t pal_command_t;
typedef struct pal_process_t pal_process_t;

typedef enum {
    PAL_STDIO_INHERIT, /* the default; the null device if it is closed, or
                          close-on-exec, in this process */
    PAL_STDIO_NULL     /* the null device */
} pal_stdio_t;

typedef enum {
    PAL_LIMIT_MEMORY,  /* address space, bytes (RLIMIT_AS) */
    PAL_LIMIT_CORE,    /* core file, bytes */
    PAL_LIMIT_CPU,     /* seconds */
    PAL_LIMIT_HANDLES, /* open descriptors */
    PAL_LIMIT_FILE     /* largest file written, bytes */
} pal_limit_t;

/* What failed in a launch. */
typedef enum {
    PAL_STEP_NONE,    /* nothing failed */
    PAL_STEP_PREPARE, /* in the parent, before there was a child */
    PAL_STEP_CLONE,   /* making the child */
    PAL_STEP_JOB,     /* putting it into its job */
    PAL_STEP_HANDLES,
    PAL_STEP_FOLDER,
    PAL_STEP_LIMITS,
    PAL_STEP_PRIVILEGES,
    PAL_STEP_PARENT, /* dying with the parent */
    PAL_STEP_EXEC
} pal_step_t;

/* Name of a step, for messages. */
const char *pal_step_name(pal_step_t step);

apr_status_t pal_command_create(pal_command_t **ret_command, apr_pool_t *pool);

/* Another command like `from`, to be changed apart. `from` and its pool must
 * outlive it. */
apr_status_t pal_command_copy(pal_command_t **ret_command,
                              const pal_command_t *from, apr_pool_t *pool);

/* Run the program at `path` (no search), or this process's own executable
 * with the argv[0] it was called by, also after its file was replaced. One of
 * the two must be set; the later call counts. Strings are copied, here and
 * below. */
apr_status_t pal_command_program_set(pal_command_t *command, const char *path);
apr_status_t pal_command_self_set(pal_command_t *command);

/* argv[0], if it is not to be the path. */
apr_status_t pal_command_argv0_set(pal_command_t *command, const char *argv0);
apr_status_t pal_command_arg_add(pal_command_t *command, const char *arg);

/* Environment of the child: the parent's at launch time, changed by these in
 * order. `clear` drops all of it, also earlier changes. A name with '=' or an
 * empty one: APR_EINVAL. */
apr_status_t pal_command_env_set(pal_command_t *command, const char *name,
                                 const char *value);
apr_status_t pal_command_env_unset(pal_command_t *command, const char *name);
apr_status_t pal_command_env_clear(pal_command_t *command);

/* stdin, stdout, stderr (0-2) without a handle of their own. */
apr_status_t pal_command_stdio_set(pal_command_t *command, int number,
                                   pal_stdio_t stdio);

/* Give the child `handle` at `number` (0-2 too). A later call for the same
 * number wins. Swaps and overlaps with the parent's numbers are no concern.
 * Ownership: borrowed, and must be open at each launch. */
apr_status_t pal_command_handle_add(pal_command_t *command,
                                    pal_handle_t handle, int number);
apr_status_t pal_command_handles_clear(pal_command_t *command);

/* Working directory. */
apr_status_t pal_command_folder_set(pal_command_t *command, const char *path);

/* Both the soft and the hard limit. */
apr_status_t pal_command_limit_set(pal_command_t *command, pal_limit_t limit,
                                   apr_uint64_t value);

/* Set no_new_privs (prctl(2)) in the child. */
apr_status_t pal_command_no_new_privs_set(pal_command_t *command, int on);

/* Kill the child when this process dies, however it dies (default: on). On
 * Linux by the parent-death signal, which the kernel ties to the launching
 * thread; so a launch from another thread than the main one is done by one
 * launcher thread that lives as long as the process. Covers the child itself,
 * not what it starts, and not a child that changes its ids or runs a
 * set-user-id program. */
apr_status_t pal_command_die_with_parent_set(pal_command_t *command, int on);

/* Start a child. Returns once it runs the program (exec has succeeded).
 * Ownership: *ret_process is the caller's, to be closed.
 * Errors: that of the step that failed; nothing is left behind, no zombie
 * either. pal_command_failed_step names the step. */
apr_status_t pal_process_start(pal_process_t **ret_process,
                               pal_command_t *command);
pal_step_t pal_command_failed_step(pal_command_t *command);

/* The pid stays reserved until the exit has been read. */
apr_int64_t pal_process_pid(pal_process_t *process);

/* Kill it at once (SIGKILL), or ask for an abort with core (SIGABRT). Nothing
 * happens, and that is success, if it has ended. */
apr_status_t pal_process_kill(pal_process_t *process);
apr_status_t pal_process_abort(pal_process_t *process);

/* Wait until it has ended, at most `timeout` (< 0: no limit, 0: only ask).
 * Errors: APR_TIMEUP. */
apr_status_t pal_process_wait(pal_process_t *process,
                              apr_interval_time_t timeout);

/* Have `fn` called on `loop` once when it has ended (also if it has already),
 * never from inside this call. pal_process_close or a NULL `fn` ends the
 * watch.
 * Errors: APR_EEXIST: one watch a process. */
typedef void (*pal_process_fn_t)(void *baton, pal_process_t *process);
apr_status_t pal_process_watch(pal_process_t *process, pal_loop_t *loop,
                               pal_process_fn_t fn, void *baton);

/* After the end: the exit code, or -1 if a signal ended it; the signal, or 0;
 * whether a core was dumped. Before the end: -1, 0, 0. If the program ignores
 * SIGCHLD the system keeps no status: code -1 and signal 0. */
int pal_process_has_ended(pal_process_t *process);
int pal_process_exit_code(pal_process_t *process);
int pal_process_exit_signal(pal_process_t *process);
int pal_process_dumped_core(pal_process_t *process);

/* Let go of it. A child that still runs goes on, and is reaped by nobody but
 * the end of this process: kill and wait first to leave none behind. */
void pal_process_close(pal_process_t **process);

#ifdef __cplusplus
}
#endif
#endif
