#include "config.h"

#include "spawn_linux.h"

#include "../pal_compiler.h"

#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Kernel interfaces that the C library's headers may be too old for. The
 * numbers are the same on every architecture (alpha apart). */
#ifndef CLONE_PIDFD
#    define CLONE_PIDFD 0x1000
#endif
#ifndef CLOSE_RANGE_UNSHARE
#    define CLOSE_RANGE_UNSHARE 2
#endif
#ifndef SYS_close_range
#    define SYS_close_range 436
#endif
#ifndef SYS_pidfd_open
#    define SYS_pidfd_open 434
#endif

/* ThreadSanitizer takes clone for a fork and, in the memory of the parent too,
 * notes that no more threads may be made. The C library's other name for it
 * is not intercepted. */
#if defined(__SANITIZE_THREAD__)
int __clone(int (*fn)(void *arg), void *stack, int flags, void *arg, ...);
#    define clone __clone
#endif

#define STACK_SIZE (64 << 10)
#define N_SIGNALS 64          /* the kernel's */
#define SIGNAL_SET_SIZE 8     /* bytes of its set of them */
#define SIGNAL_ACTION_SIZE 64 /* at least that of its struct sigaction */

/* What the child has to say if it does not run the program. */
typedef struct result_t {
    int err;
    pal_step_t step;
} result_t;

/* The message that tells a keeper of the child. */
typedef struct note_t {
    struct msghdr message;
    struct iovec byte;
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
} note_t;

/* All that the child works with. */
typedef struct child_t {
    const pal__spawn_t *spawn;
    pid_t parent;
    int has_close_range;
    int is_shared; /* the descriptor table is the parent's */
    int cut;       /* nothing from this number on is passed on */
    int spare;     /* where to look for a number that is not in use */
    int report;    /* pipe to a parent that shares no memory, or -1 */
    int pidfd;     /* of the child, in a shared table, or -1 */
    note_t note;
    result_t result;
    int from[PAL_COMMAND_MAX_HANDLES];
    apr_uint64_t limit[2];
    apr_uint64_t signal_set;
    char default_action[SIGNAL_ACTION_SIZE]; /* SIG_DFL is 0 */
    apr_uint64_t entries[256];               /* of /proc/self/fd */
} child_t;

/* The kernel's struct linux_dirent64. */
typedef struct entry_t {
    apr_uint64_t inode;
    apr_int64_t offset;
    unsigned short size;
    unsigned char type;
    char name[1];
} entry_t;

/* ------------------------------------------------------------------------
 * In the child. System calls are made raw, because the sanitizers intercept
 * the C library's and would take what the child does to its descriptors for
 * the parent's doing. */

PAL__NO_SANITIZER static long raw(long number, long a, long b, long c, long d)
{
    return syscall(number, a, b, c, d);
}

PAL__NO_SANITIZER static void fail(child_t *child, int err)
{
    child->result.err = err;
    if (child->report >= 0)
        (void)raw(SYS_write, child->report, (long)&child->result,
                  sizeof(child->result), 0);
    for (;;)
        (void)raw(SYS_exit_group, 127, 0, 0, 0);
}

/* The number that a name in /proc/self/fd stands for, or -1. */
PAL__NO_SANITIZER static int number_of(const char *name)
{
    int number = 0;

    if (*name < '0' || *name > '9')
        return -1;
    for (; *name >= '0' && *name <= '9'; name++)
        number = number * 10 + (*name - '0');
    return number;
}

/* Close what is listed in /proc/self/fd from `low` to `high`; 0 if that
 * cannot be read. */
PAL__NO_SANITIZER static int close_listed(child_t *child, int low, int high)
{
    char *entries = (char *)child->entries;
    const entry_t *entry;
    long len, used;
    int number;
    int folder = (int)raw(SYS_openat, AT_FDCWD, (long)"/proc/self/fd",
                          O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

    if (folder < 0)
        return 0;
    for (;;) {
        len = raw(SYS_getdents64, folder, (long)entries,
                  sizeof(child->entries), 0);
        if (len <= 0)
            break;
        for (used = 0; used < len; used += entry->size) {
            entry = (const entry_t *)(entries + used);
            number = number_of(entry->name);
            if (number >= low && number <= high && number != folder)
                (void)raw(SYS_close, number, 0, 0, 0);
        }
    }
    (void)raw(SYS_close, folder, 0, 0, 0);
    return len == 0;
}

/* Close all from `low` to `high` but the report pipe. */
PAL__NO_SANITIZER static void close_span(child_t *child, int low, int high)
{
    if (child->report >= low && child->report <= high) {
        close_span(child, low, child->report - 1);
        low = child->report + 1;
    }
    if (low > high)
        return;
    if (child->has_close_range) {
        (void)raw(SYS_close_range, low, high, 0, 0);
        return;
    }
    if (close_listed(child, low, high))
        return;
    /* No /proc: up to the limit, above which nothing can be opened. */
    (void)raw(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)child->limit);
    for (; low <= high && (apr_uint64_t)low < child->limit[0]; low++)
        (void)raw(SYS_close, low, 0, 0, 0);
}

/* Everything default: what the parent ignores would stay ignored, and what
 * it handles must not run here, in its memory, once signals are let in. */
PAL__NO_SANITIZER static void reset_signals(child_t *child)
{
    int i;

    for (i = 1; i <= N_SIGNALS; i++)
        (void)raw(SYS_rt_sigaction, i, (long)child->default_action, 0,
                  SIGNAL_SET_SIZE);
}

/* Tell the keeper who comes, by a descriptor that cannot come to mean another
 * process; without one by the message itself, whose sender the kernel names:
 * there are systems without pidfds, and users with too many descriptors under
 * way. */
PAL__NO_SANITIZER static int tell_keeper(child_t *child, int keeper)
{
    int pidfd = child->pidfd;
    long sent = -1;

    if (!child->is_shared) /* the copied table is without it */
        pidfd = (int)raw(SYS_pidfd_open, raw(SYS_getpid, 0, 0, 0, 0), 0, 0, 0);
    if (pidfd >= 0) {
        child->note.control.header.cmsg_level = SOL_SOCKET;
        child->note.control.header.cmsg_type = SCM_RIGHTS;
        child->note.control.header.cmsg_len = CMSG_LEN(sizeof(int));
        *(int *)(void *)CMSG_DATA(&child->note.control.header) = pidfd;
        child->note.byte.iov_base = &child->note.message;
        child->note.byte.iov_len = 1;
        child->note.message.msg_iov = &child->note.byte;
        child->note.message.msg_iovlen = 1;
        child->note.message.msg_control = &child->note.control;
        child->note.message.msg_controllen = sizeof(child->note.control);
        sent = raw(SYS_sendmsg, keeper, (long)&child->note.message,
                   MSG_NOSIGNAL, 0);
    }
    if (sent != 1)
        sent = syscall(SYS_sendto, (long)keeper, "", 1L, (long)MSG_NOSIGNAL,
                       NULL, 0L);
    return sent == 1;
}

/* Before anything that it could leave behind without its job. */
PAL__NO_SANITIZER static void enter_job(child_t *child,
                                        const pal__job_entry_t *entry)
{
    if (entry->cgroup >= 0
        && raw(SYS_write, (long)entry->cgroup, (long)"0", 1, 0) != 1)
        fail(child, errno);
    if (entry->own_group && raw(SYS_setpgid, 0, 0, 0, 0) != 0)
        fail(child, errno);
    if (entry->keeper >= 0 && !tell_keeper(child, (int)entry->keeper))
        fail(child, errno);
}

PAL__NO_SANITIZER static int is_target(const pal__spawn_t *spawn, int fd)
{
    int i = 0;

    while (i < spawn->n_handles && spawn->to[i] < fd)
        i++;
    return i < spawn->n_handles && spawn->to[i] == fd;
}

/* A copy of `fd` that is in nobody's way. */
PAL__NO_SANITIZER static int move_away(child_t *child, int fd)
{
    int copy;

    do {
        copy = (int)raw(SYS_fcntl, fd, F_DUPFD_CLOEXEC, child->spare, 0);
        if (copy < 0) /* EINVAL: beyond the limit */
            fail(child, errno == EINVAL ? EMFILE : errno);
        child->spare = copy + 1;
    } while (is_target(child->spawn, copy));
    return copy;
}

/* Bring the descriptors to their numbers, and close all others. */
PAL__NO_SANITIZER static void place_handles(child_t *child)
{
    const pal__spawn_t *spawn = child->spawn;
    const int *to = spawn->to;
    int *from = child->from;
    int i, next = 0;

    if (child->is_shared
        && raw(SYS_close_range, child->cut, INT_MAX, CLOSE_RANGE_UNSHARE, 0)
               != 0)
        fail(child, errno);
    for (i = 0; i < spawn->n_handles; i++)
        if (from[i] != to[i] && is_target(spawn, from[i]))
            from[i] = move_away(child, from[i]);
    if (child->report >= 0 && is_target(spawn, child->report))
        child->report = move_away(child, child->report);
    for (i = 0; i < spawn->n_handles; i++)
        if (from[i] == to[i] ? raw(SYS_fcntl, from[i], F_SETFD, 0, 0) < 0
                             : raw(SYS_dup3, from[i], to[i], 0, 0) < 0)
            fail(child, errno);
    for (i = 0; i < spawn->n_handles; next = to[i] + 1, i++)
        close_span(child, next, to[i] - 1);
    close_span(child, next, INT_MAX);
}

PAL__NO_SANITIZER static void set_limits(child_t *child)
{
    static const int resources[PAL__N_LIMITS] = {
        RLIMIT_AS, RLIMIT_CORE, RLIMIT_CPU, RLIMIT_NOFILE, RLIMIT_FSIZE};
    const pal__limit_t *limits = child->spawn->limits;
    int i;

    for (i = 0; i < PAL__N_LIMITS; i++) {
        child->limit[0] = child->limit[1] = limits[i].value;
        if (limits[i].is_set
            && raw(SYS_prlimit64, 0, resources[i], (long)child->limit, 0) != 0)
            fail(child, errno);
    }
}

/* The signal follows the parent's thread, is forgotten when ids or
 * capabilities change, and does not come if the parent is dead by now: so
 * it is asked for last, and the parent is looked at afterwards. */
PAL__NO_SANITIZER static void die_with_parent(child_t *child)
{
    if (raw(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0) != 0)
        fail(child, errno);
    if (raw(SYS_getppid, 0, 0, 0, 0) != child->parent)
        fail(child, ESRCH);
}

PAL__NO_SANITIZER static int run_child(void *arg)
{
    child_t *child = arg;
    const pal__spawn_t *spawn = child->spawn;
    /* The link leads to the running program also when its file is gone. */
    const char *program =
        spawn->program != NULL ? spawn->program : "/proc/self/exe";

    reset_signals(child);
    child->result.step = PAL_STEP_JOB;
    enter_job(child, spawn->entry);
    child->result.step = PAL_STEP_HANDLES;
    place_handles(child);
    child->result.step = PAL_STEP_FOLDER;
    if (spawn->folder != NULL
        && raw(SYS_chdir, (long)spawn->folder, 0, 0, 0) != 0)
        fail(child, errno);
    child->result.step = PAL_STEP_LIMITS;
    set_limits(child);
    child->result.step = PAL_STEP_PRIVILEGES;
    if (spawn->no_new_privs
        && syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0)
        fail(child, errno);
    child->result.step = PAL_STEP_PARENT;
    if (spawn->die_with_parent)
        die_with_parent(child);
    child->result.step = PAL_STEP_EXEC;
    child->signal_set = 0;
    (void)raw(SYS_rt_sigprocmask, SIG_SETMASK, (long)&child->signal_set, 0,
              SIGNAL_SET_SIZE);
    (void)raw(SYS_execve, (long)program, (long)spawn->argv, (long)spawn->envp,
              0);
    fail(child, errno);
    return 0;
}

/* ------------------------------------------------------------------------
 * In the parent. */

static void prepare_child(child_t *child, const pal__spawn_t *spawn)
{
    int i;

    memset(child, 0, sizeof(*child));
    child->spawn = spawn;
    child->parent = getpid();
    child->report = child->pidfd = -1;
    for (i = 0; i < spawn->n_handles; i++) {
        child->from[i] = spawn->from[i];
        if (spawn->from[i] >= child->cut)
            child->cut = spawn->from[i] + 1;
    }
    /* An empty range is refused with EINVAL by a kernel that has the call. */
    child->has_close_range =
        syscall(SYS_close_range, 1L, 0L, 0L) != 0 && errno == EINVAL;
}

/* valgrind ends a program that uses such clone flags. It shows by the
 * libraries that it preloads. */
static int is_in_valgrind(void)
{
    const char *preload = getenv("LD_PRELOAD");

    return preload != NULL && strstr(preload, "vgpreload") != NULL;
}

/* The parent sleeps in clone until the child execs or ends. Returns errno if
 * there was no child, and then spawn->pid is not set. */
static int start_by_clone(child_t *child, pal__spawn_t *spawn)
{
    int flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD;
    int err = 0;
    char *stack;
    pid_t pid;

    stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED)
        return errno;
    child->is_shared = child->has_close_range;
    if (child->is_shared)
        flags |= CLONE_FILES;
    pid = clone(run_child, stack + STACK_SIZE, flags, child, &child->pidfd);
    if (pid < 0)
        err = errno;
    else {
        spawn->pid = pid;
        spawn->pidfd = child->pidfd; /* Linux before 5.2 leaves it alone */
    }
    (void)munmap(stack, STACK_SIZE);
    return err;
}

/* A copy of everything, the C library's fork. The pipe closes when the child
 * execs; a process that the program forks by itself at this moment, and that
 * does not exec, would keep it open: one reason why this way comes last. */
static int start_by_fork(child_t *child, pal__spawn_t *spawn)
{
    int ends[2], err;
    ssize_t n;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return errno;
    child->is_shared = 0;
    child->report = ends[1];
    pid = fork();
    err = errno;
    if (pid == 0)
        (void)run_child(child);
    (void)close(ends[1]);
    if (pid > 0) {
        err = 0;
        spawn->pid = pid;
        spawn->pidfd = (int)syscall(SYS_pidfd_open, (long)pid, 0L);
        do {
            n = read(ends[0], &child->result, sizeof(child->result));
        } while (n < 0 && errno == EINTR);
    }
    (void)close(ends[0]);
    return err;
}

/* Errors that mean "not this way", not "not now". */
static int is_refusal(int err)
{
    return err == EPERM || err == EACCES || err == EINVAL || err == ENOSYS;
}

/* Start it with all signals blocked: no handler may run in the child, which
 * is in the parent's memory. */
static int start(child_t *child, pal__spawn_t *spawn)
{
    static const apr_uint64_t all = ~(apr_uint64_t)0;
    apr_uint64_t old = 0;
    int err = ENOSYS;

    /* Raw: the C library leaves out the signals it uses itself. */
    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old,
                  SIGNAL_SET_SIZE);
    if (!is_in_valgrind())
        err = start_by_clone(child, spawn);
    if (is_refusal(err))
        err = start_by_fork(child, spawn);
    if (err == 0 && child->result.err != 0) {
        (void)syscall(SYS_wait4, (long)spawn->pid, NULL, (long)__WALL, NULL);
        if (spawn->pidfd >= 0)
            (void)close(spawn->pidfd);
    }
    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &old, NULL,
                  SIGNAL_SET_SIZE);
    return err;
}

void pal__spawn(pal__spawn_t *spawn)
{
    child_t child;
    char link[PATH_MAX];
    ssize_t len;

    /* Under valgrind the link leads to valgrind, but reads right. */
    if (spawn->program == NULL && is_in_valgrind()) {
        len = readlink("/proc/self/exe", link, sizeof(link) - 1);
        link[len < 0 ? 0 : len] = '\0';
        spawn->program = link;
    }
    prepare_child(&child, spawn);
    spawn->err = start(&child, spawn);
    spawn->step = PAL_STEP_CLONE;
    if (spawn->err == 0) {
        spawn->err = child.result.err;
        spawn->step = child.result.step;
    }
}
