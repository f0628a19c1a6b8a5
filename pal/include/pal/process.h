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
 * way is fork and a waiting thread for each child. A pal configured with
 * --disable-linux-native has vfork and such threads only; what then cannot be
 * had says so below.
 *
 * On Windows the child gets the added handles and those of stdio, each by its
 * value (pal_command_handle_value), and no others; code that starts processes
 * by other means, with inheritance and no list of handles, may catch them too
 * if it does so at that moment. The command line is made so that the program
 * finds the arguments given here; one of more than 32766 characters is E2BIG.
 * Text is UTF-8, else APR_EINVAL. A program is also found without its ".exe";
 * batch files are ENOEXEC. Names of variables are the same whatever their
 * case. There are no signals: a process that pal_process_kill or
 * pal_process_abort ended reports 9 or 6 all the same, other numbers but 0
 * are APR_ENOTIMPL, abort(3) is exit code 3, and a crash is an exit code < 0.
 * A launch fails with APR_ENOTIMPL for a mask, a terminal, a group but 0 (a
 * new one), an OOM score, a hook, other limits than those of memory and CPU
 * time and a core of 0, and all of <pal/privilege.h> that does not say
 * otherwise. A session means no console. A child in a job dies with this
 * process if the job says so, whatever the command says.
 *
 * What a child may do (ids, capabilities, namespaces, filters) is set by
 * <pal/privilege.h>.
 *
 * Threads: a command by one thread at a time; launches from any number of
 * threads at once, but not while another changes the environment; a process
 * by one thread at a time, except pal_process_kill, pal_process_abort,
 * pal_process_signal and pal_process_pid: any.
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
#define PAL_COMMAND_MAX_CPUS 1024   /* CPUs have numbers below it */

typedef struct pal_command_t pal_command_t;
typedef struct pal_process_t pal_process_t;

typedef enum {
    PAL_STDIO_INHERIT, /* the default; the null device if it is closed, or
                          close-on-exec, in this process */
    PAL_STDIO_NULL,    /* the null device */
    PAL_STDIO_PIPE,    /* a new pipe: see pal_process_pipe_take */
    PAL_STDIO_STDOUT,  /* for number 2: whatever number 1 is */
    PAL_STDIO_CLOSED   /* nothing: the program's first file gets the number */
} pal_stdio_t;

typedef enum {
    PAL_LIMIT_MEMORY,      /* address space, bytes (RLIMIT_AS) */
    PAL_LIMIT_CORE,        /* core file, bytes */
    PAL_LIMIT_CPU,         /* seconds */
    PAL_LIMIT_HANDLES,     /* open descriptors */
    PAL_LIMIT_FILE,        /* largest file written, bytes */
    PAL_LIMIT_DATA,        /* heap and private data, bytes */
    PAL_LIMIT_STACK,       /* of the main thread, bytes */
    PAL_LIMIT_RESIDENT,    /* bytes; Linux ignores it */
    PAL_LIMIT_LOCKED,      /* memory locked, bytes */
    PAL_LIMIT_PROCESSES,   /* processes and threads of the user */
    PAL_LIMIT_FILE_LOCKS,  /* Linux ignores it */
    PAL_LIMIT_SIGNALS,     /* signals queued for the user */
    PAL_LIMIT_QUEUES,      /* POSIX message queues of the user, bytes */
    PAL_LIMIT_NICE,        /* 20 - value is the lowest nice it may take */
    PAL_LIMIT_RT_PRIORITY, /* highest real-time priority */
    PAL_LIMIT_RT_TIME      /* real-time without a blocking call, us */
} pal_limit_t;

/* What failed in a launch. */
typedef enum {
    PAL_STEP_NONE,    /* nothing failed */
    PAL_STEP_PREPARE, /* in the parent, before there was a child */
    PAL_STEP_CLONE,   /* making the child */
    PAL_STEP_JOB,     /* putting it into its job */
    PAL_STEP_CGROUP,
    PAL_STEP_SESSION, /* session, process group, terminal, umask */
    PAL_STEP_FOLDER,
    PAL_STEP_HANDLES,
    PAL_STEP_NAMESPACES,
    PAL_STEP_SCHEDULE, /* nice, CPUs, OOM score */
    PAL_STEP_HOOK,
    PAL_STEP_LIMITS,
    PAL_STEP_IDS,
    PAL_STEP_CAPABILITIES,
    PAL_STEP_PRIVILEGES, /* no_new_privs */
    PAL_STEP_LANDLOCK,
    PAL_STEP_PARENT, /* dying with the parent */
    PAL_STEP_SECCOMP,
    PAL_STEP_EXEC
} pal_step_t;

/* Name of a step, for messages. */
const char *pal_step_name(pal_step_t step);

apr_status_t pal_command_create(pal_command_t **ret_command, apr_pool_t *pool);

/* Another command like `from`, to be changed apart. `from` and its pool must
 * outlive it. */
apr_status_t pal_command_copy(pal_command_t **ret_command,
                              const pal_command_t *from, apr_pool_t *pool);

/* What to run; one of these must be set, and the last call counts. Strings
 * are copied, here and below.
 *
 * The program at `path`, as seen from the child's working directory. */
apr_status_t pal_command_program_set(pal_command_t *command, const char *path);

/* The first program `name` in the folders of PATH in the child's environment
 * (/bin and /usr/bin without one), as execvp would find it; a name with '/'
 * is a path. No shell is tried for a file that is no program: ENOEXEC. */
apr_status_t pal_command_search_set(pal_command_t *command, const char *name);

/* The program that `handle` is open on, under whatever name; argv[0] is
 * "program" unless set. A script with "#!" cannot be run this way: ENOENT.
 * Ownership: borrowed, and must be open at each launch. */
apr_status_t pal_command_program_handle_set(pal_command_t *command,
                                            pal_handle_t handle);

/* This process's own executable with the argv[0] it was called by, also after
 * its file was replaced. */
apr_status_t pal_command_self_set(pal_command_t *command);

/* argv[0], if it is not to be the path or the name. */
apr_status_t pal_command_argv0_set(pal_command_t *command, const char *argv0);
apr_status_t pal_command_arg_add(pal_command_t *command, const char *arg);

/* Environment of the child: the parent's at launch time, changed by these in
 * order. `clear` drops all of it, also earlier changes. A name with '=' or an
 * empty one: APR_EINVAL. */
apr_status_t pal_command_env_set(pal_command_t *command, const char *name,
                                 const char *value);
apr_status_t pal_command_env_unset(pal_command_t *command, const char *name);
apr_status_t pal_command_env_clear(pal_command_t *command);

/* stdin, stdout, stderr (0-2); a handle added for the number wins. */
apr_status_t pal_command_stdio_set(pal_command_t *command, int number,
                                   pal_stdio_t stdio);

/* Give the child `handle` at `number` (0-2 too). A later call for the same
 * number wins. Swaps and overlaps with the parent's numbers are no concern.
 * Ownership: borrowed, and must be open at each launch. */
apr_status_t pal_command_handle_add(pal_command_t *command,
                                    pal_handle_t handle, int number);
/* The value by which the child finds, with pal_handle_adopt, what was added
 * for `number`: that number on Unix. Windows has no numbers: it is the value
 * that the handle has in this process.
 * Errors: APR_ENOENT: no handle was added for it. */
apr_status_t pal_command_handle_value(pal_command_t *command, int number,
                                      intptr_t *ret_value);
apr_status_t pal_command_handles_clear(pal_command_t *command);

/* Working directory, entered with the rights of this process. The last call
 * counts. Ownership: `handle` is borrowed, and must be open at each launch. */
apr_status_t pal_command_folder_set(pal_command_t *command, const char *path);
apr_status_t pal_command_folder_handle_set(pal_command_t *command,
                                           pal_handle_t handle);

/* Mask of permissions for new files, 0 to 0777 (default: the parent's). */
apr_status_t pal_command_umask_set(pal_command_t *command, int mask);

/* Make it the leader of a new session, without a controlling terminal. */
apr_status_t pal_command_session_set(pal_command_t *command, int on);

/* Put it into the process group `group` of this session, or with 0 into a new
 * one of its own. Not together with a new session, of which it is the group
 * leader anyway: EPERM from the launch. < 0: APR_EINVAL. */
apr_status_t pal_command_group_set(pal_command_t *command, apr_int64_t group);

/* Make the terminal `handle` the controlling one of the new session, which
 * this asks for too. Ownership: borrowed, and must be open at each launch. */
apr_status_t pal_command_terminal_set(pal_command_t *command,
                                      pal_handle_t handle);

/* Nice value, -20 to 19. */
apr_status_t pal_command_nice_set(pal_command_t *command, int nice);

/* Run on these CPUs only; some of them must be there. This and the OOM score
 * fail the launch with APR_ENOTIMPL with --disable-linux-native.
 * Errors: APR_EINVAL: none, or a number < 0; PAL_E_LIMIT. */
apr_status_t pal_command_cpus_set(pal_command_t *command, const int *cpus,
                                  int n_cpus);

/* Who is killed first when memory runs out: -1000 (never) to 1000; less than
 * the parent has takes privilege. */
apr_status_t pal_command_oom_score_set(pal_command_t *command, int score);

/* Both the soft and the hard limit. */
apr_status_t pal_command_limit_set(pal_command_t *command, pal_limit_t limit,
                                   apr_uint64_t value);

/* Have `fn` called in the child, for what this list lacks: when handles,
 * folder, session and namespaces are in place and the rights are still those
 * of this process. What it returns, if not 0, is the error of the launch
 * (PAL_STEP_HOOK). NULL: none.
 * `fn` runs in this process's memory while the launching thread waits, and
 * when memory cannot be shared, in a copy of it: so it may make system calls
 * and async-signal-safe calls only, must not rely on anything it writes nor
 * spoil it, return by nothing but return, and leave signals blocked. Its
 * stack has 32 KiB. Threads: it may run on another thread's behalf than the
 * launching one. */
typedef int (*pal_hook_fn_t)(void *baton);
apr_status_t pal_command_hook_set(pal_command_t *command, pal_hook_fn_t fn,
                                  void *baton);

/* Kill the child when this process dies, however it dies (default: on). On
 * Linux by the parent-death signal, which the kernel ties to the launching
 * thread; so a launch from another thread than the main one is done by one
 * launcher thread that lives as long as the process. Covers the child itself,
 * not what it starts, and not a child that changes its ids by itself or runs
 * a set-user-id program. With --disable-linux-native there is no such signal,
 * and this does nothing. */
apr_status_t pal_command_die_with_parent_set(pal_command_t *command, int on);

/* Start a child. Returns once it runs the program (exec has succeeded).
 * Ownership: *ret_process is the caller's, to be closed.
 * Errors: that of the step that failed; nothing is left behind, no zombie
 * either. pal_command_failed_step names the step. EBADF: a handle of the
 * command was not open. */
apr_status_t pal_process_start(pal_process_t **ret_process,
                               pal_command_t *command);
pal_step_t pal_command_failed_step(pal_command_t *command);

/* Take hold of a process that need not be a child: it can be watched, waited
 * for and signalled, safe from others that get its pid later. Its exit code
 * and its use of resources stay unknown, and a child is not reaped.
 * Ownership: *ret_process is the caller's, to be closed.
 * Errors: ESRCH: no such process; APR_ENOTIMPL: a system without pidfd. */
apr_status_t pal_process_attach(pal_process_t **ret_process, apr_int64_t pid);

/* This side of the pipe that a command with PAL_STDIO_PIPE made for `number`:
 * to write for 0, to read for 1 and 2. What is not taken is closed with the
 * process.
 * Ownership: *ret_handle is the caller's.
 * Errors: APR_ENOENT: there is none, or it was taken. */
apr_status_t pal_process_pipe_take(pal_process_t *process, int number,
                                   pal_handle_t *ret_handle);

/* The pid of a child stays reserved until its exit has been read. */
apr_int64_t pal_process_pid(pal_process_t *process);

/* Kill it at once (SIGKILL), ask for an abort with core (SIGABRT), or send
 * the signal `number` (0: only check). Nothing happens, and that is success,
 * if it has ended. Never reaches another process that got its pid. */
apr_status_t pal_process_kill(pal_process_t *process);
apr_status_t pal_process_abort(pal_process_t *process);
apr_status_t pal_process_signal(pal_process_t *process, int number);

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

/* After the end: what it and the children it has waited for used: CPU time in
 * the program and in the system, microseconds; and the most memory that one
 * of them had resident, bytes. Linux counts for a child also the memory that
 * its parent had when it launched, so this is never less. 0 if unknown. */
apr_interval_time_t pal_process_user_time(pal_process_t *process);
apr_interval_time_t pal_process_system_time(pal_process_t *process);
apr_uint64_t pal_process_peak_memory(pal_process_t *process);

/* Let go of it. A child that still runs goes on, and is reaped by nobody but
 * the end of this process: kill and wait first to leave none behind. */
void pal_process_close(pal_process_t **process);

#ifdef __cplusplus
}
#endif
#endif
