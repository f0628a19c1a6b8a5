#include "config.h"

#include "child_linux.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#ifndef SYS_landlock_restrict_self
#    define SYS_landlock_restrict_self 446
#endif

/* Where the first calls were made for ids of 16 bits. */
#ifdef SYS_setresuid32
#    define SETRESUID SYS_setresuid32
#    define SETRESGID SYS_setresgid32
#    define SETGROUPS SYS_setgroups32
#else
#    define SETRESUID SYS_setresuid
#    define SETRESGID SYS_setresgid
#    define SETGROUPS SYS_setgroups
#endif

#define N_SIGNALS 64 /* the kernel's */
#define N_CAPABILITIES 64

/* Tell a parent that shares nothing else; no call that a filter could refuse.
 */
PAL__NO_SANITIZER static void report(pal__child_t *child)
{
    if (child->report != NULL)
        *child->report = child->result;
}

PAL__NO_SANITIZER static void fail(pal__child_t *child, int err)
{
    child->result.err = err;
    report(child);
    for (;;) { /* a filter of its own may refuse one of them */
        (void)pal__raw(SYS_exit_group, 127, 0, 0, 0);
        (void)pal__raw(SYS_exit, 127, 0, 0, 0);
        PAL__TRAP();
    }
}

/* Go on after a step, unless it has failed and had to succeed. */
PAL__NO_SANITIZER static void settle(pal__child_t *child, pal_step_t step,
                                     int err)
{
    child->result.step = step;
    if (err == 0)
        return;
    if (child->spawn->command->modes[step] != PAL_CONFINE_BEST_EFFORT)
        fail(child, err);
    child->result.held &= ~(1u << step);
    report(child);
}

/* 0, or the errno value of a call that returned `result`. */
PAL__NO_SANITIZER static int error_of(long result)
{
    return result < 0 ? errno : 0;
}

/* Write `text` to the file at `path`. Returns an errno value. */
PAL__NO_SANITIZER static int write_file(const char *path, const char *text)
{
    int file = (int)pal__raw(SYS_openat, AT_FDCWD, (long)path,
                             O_WRONLY | O_CLOEXEC, 0);
    long len = 0;
    int err;

    if (file < 0)
        return errno;
    while (text[len] != '\0')
        len++;
    err = error_of(pal__raw(SYS_write, file, (long)text, len, 0));
    (void)pal__raw(SYS_close, file, 0, 0, 0);
    return err;
}

/* Everything default: what the parent ignores would stay ignored, and what
 * it handles must not run here, in its memory, once signals are let in. */
PAL__NO_SANITIZER static void reset_signals(pal__child_t *child)
{
    int i;

    for (i = 1; i <= N_SIGNALS; i++)
        (void)pal__raw(SYS_rt_sigaction, i, (long)child->default_action, 0,
                       PAL__SIGNAL_SET_SIZE);
}

/* Tell the keeper who comes, by a descriptor that cannot come to mean another
 * process; without one by the message itself, whose sender the kernel names:
 * there are systems without pidfds, and users with too many descriptors under
 * way. */
PAL__NO_SANITIZER static int tell_keeper(pal__child_t *child, int keeper)
{
    pal__note_t *note = &child->note;
    int pidfd = child->pidfd;
    long sent = -1;

    if (!child->is_shared) /* the copied table is without it */
        pidfd = (int)pal__raw(SYS_pidfd_open, pal__raw(SYS_getpid, 0, 0, 0, 0),
                              0, 0, 0);
    if (pidfd >= 0) {
        note->control.header.cmsg_level = SOL_SOCKET;
        note->control.header.cmsg_type = SCM_RIGHTS;
        note->control.header.cmsg_len = CMSG_LEN(sizeof(int));
        *(int *)(void *)CMSG_DATA(&note->control.header) = pidfd;
        note->byte.iov_base = &note->message;
        note->byte.iov_len = 1;
        note->message.msg_iov = &note->byte;
        note->message.msg_iovlen = 1;
        note->message.msg_control = &note->control;
        note->message.msg_controllen = sizeof(note->control);
        sent = pal__raw(SYS_sendmsg, keeper, (long)&note->message,
                        MSG_NOSIGNAL, 0);
    }
    if (sent != 1)
        sent = pal__raw(SYS_sendto, keeper, (long)"", 1, MSG_NOSIGNAL);
    return error_of(sent);
}

PAL__NO_SANITIZER static int enter_job(pal__child_t *child)
{
    const pal__job_entry_t *entry = child->spawn->entry;
    const pal_command_t *command = child->spawn->command;
    int err = 0;

    if (entry->cgroup >= 0 && !child->is_in_cgroup)
        err = error_of(
            pal__raw(SYS_write, (long)entry->cgroup, (long)"0", 1, 0));
    if (err == 0 && entry->own_group && !command->session
        && !command->group.is_set)
        err = error_of(pal__raw(SYS_setpgid, 0, 0, 0, 0));
    if (err == 0 && entry->keeper >= 0)
        err = tell_keeper(child, (int)entry->keeper);
    return err;
}

PAL__NO_SANITIZER static int set_session(const pal_command_t *command)
{
    int err = 0;

    if (command->session)
        err = error_of(pal__raw(SYS_setsid, 0, 0, 0, 0));
    if (err == 0 && command->group.is_set)
        err = error_of(
            pal__raw(SYS_setpgid, 0, (long)command->group.value, 0, 0));
    if (err == 0 && command->terminal != PAL_HANDLE_NONE)
        err = error_of(
            pal__raw(SYS_ioctl, (long)command->terminal, TIOCSCTTY, 0, 0));
    if (command->umask.is_set)
        (void)pal__raw(SYS_umask, (long)command->umask.value, 0, 0, 0);
    return err;
}

PAL__NO_SANITIZER static int enter_folder(const pal_command_t *command)
{
    if (command->folder != NULL)
        return error_of(pal__raw(SYS_chdir, (long)command->folder, 0, 0, 0));
    if (command->folder_handle != PAL_HANDLE_NONE)
        return error_of(
            pal__raw(SYS_fchdir, (long)command->folder_handle, 0, 0, 0));
    return 0;
}

/* Name its ids in a new user namespace, which may be done for one of each
 * without privilege once groups cannot be given up; and have mounts for
 * itself. */
PAL__NO_SANITIZER static int set_namespaces(pal__child_t *child)
{
    int err = 0;

    if (child->namespaces & CLONE_NEWUSER) {
        err = write_file("/proc/self/setgroups", "deny");
        if (err == 0)
            err = write_file("/proc/self/gid_map", child->gid_map);
        if (err == 0)
            err = write_file("/proc/self/uid_map", child->uid_map);
    }
    if (err == 0 && (child->namespaces & CLONE_NEWNS))
        err = error_of(syscall(SYS_mount, "none", "/", NULL,
                               (long)(MS_REC | MS_PRIVATE), NULL));
    return err;
}

PAL__NO_SANITIZER static int set_schedule(pal__child_t *child)
{
    const pal_command_t *command = child->spawn->command;
    int err = 0;

    if (command->nice.is_set)
        err = error_of(pal__raw(SYS_setpriority, PRIO_PROCESS, 0,
                                (long)(int)command->nice.value, 0));
    if (err == 0 && command->n_cpus > 0)
        err =
            error_of(pal__raw(SYS_sched_setaffinity, 0, sizeof(command->cpus),
                              (long)command->cpus, 0));
    if (err == 0 && command->oom_score.is_set)
        err = write_file("/proc/self/oom_score_adj", child->oom_score);
    return err;
}

PAL__NO_SANITIZER static int set_limits(pal__child_t *child)
{
    static const int resources[PAL__N_LIMITS] = {
        RLIMIT_AS,       RLIMIT_CORE,  RLIMIT_CPU,    RLIMIT_NOFILE,
        RLIMIT_FSIZE,    RLIMIT_DATA,  RLIMIT_STACK,  RLIMIT_RSS,
        RLIMIT_MEMLOCK,  RLIMIT_NPROC, RLIMIT_LOCKS,  RLIMIT_SIGPENDING,
        RLIMIT_MSGQUEUE, RLIMIT_NICE,  RLIMIT_RTPRIO, RLIMIT_RTTIME};
    const pal__setting_t *limits = child->spawn->command->limits;
    int i, err = 0;

    for (i = 0; i < PAL__N_LIMITS; i++) {
        child->limit[0] = child->limit[1] = limits[i].value;
        if (limits[i].is_set
            && pal__raw(SYS_prlimit64, 0, resources[i], (long)child->limit, 0)
                   != 0)
            err = errno;
    }
    return err;
}

/* The part of the capabilities that takes those of before the ids change. */
PAL__NO_SANITIZER static int shrink_bounding(const pal_command_t *command)
{
    const pal__setting_t *bounding =
        &command->capabilities[PAL_CAPABILITIES_BOUNDING];
    int i;

    for (i = 0; bounding->is_set && i < N_CAPABILITIES; i++)
        if ((bounding->value >> i & 1) == 0
            && pal__raw(SYS_prctl, PR_CAPBSET_READ, i, 0, 0) == 1
            && pal__raw(SYS_prctl, PR_CAPBSET_DROP, i, 0, 0) != 0)
            return errno;
    return 0;
}

PAL__NO_SANITIZER static int set_ids(pal__child_t *child)
{
    const pal_command_t *command = child->spawn->command;
    long uid = (long)command->uid.value, gid = (long)command->gid.value;
    int err = 0;

    if (command->n_groups >= 0)
        err = error_of(pal__raw(SETGROUPS, command->n_groups,
                                (long)command->groups, 0, 0));
    else if (command->uid.is_set && !(child->namespaces & CLONE_NEWUSER)
             && pal__raw(SYS_geteuid, 0, 0, 0, 0) == 0)
        err = error_of(pal__raw(SETGROUPS, 0, 0, 0, 0));
    if (err == 0 && command->gid.is_set)
        err = error_of(pal__raw(SETRESGID, gid, gid, gid, 0));
    if (err == 0 && command->uid.is_set)
        err = error_of(pal__raw(SETRESUID, uid, uid, uid, 0));
    return err;
}

PAL__NO_SANITIZER static void put_set(struct __user_cap_data_struct data[2],
                                      const pal__setting_t *sets)
{
    int i;

    for (i = 0; i < 2; i++) {
        if (sets[PAL_CAPABILITIES_EFFECTIVE].is_set)
            data[i].effective =
                (__u32)(sets[PAL_CAPABILITIES_EFFECTIVE].value >> 32 * i);
        if (sets[PAL_CAPABILITIES_PERMITTED].is_set)
            data[i].permitted =
                (__u32)(sets[PAL_CAPABILITIES_PERMITTED].value >> 32 * i);
        if (sets[PAL_CAPABILITIES_INHERITABLE].is_set)
            data[i].inheritable =
                (__u32)(sets[PAL_CAPABILITIES_INHERITABLE].value >> 32 * i);
    }
}

PAL__NO_SANITIZER static int set_ambient(apr_uint64_t bits)
{
    int i;

    if (pal__raw(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0)
        != 0)
        return errno;
    for (i = 0; i < N_CAPABILITIES; i++)
        if ((bits >> i & 1) != 0
            && pal__raw(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0)
                   != 0)
            return errno;
    return 0;
}

PAL__NO_SANITIZER static int set_capabilities(const pal_command_t *command)
{
    const pal__setting_t *sets = command->capabilities;
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];

    if (pal__raw(SYS_capget, (long)&header, (long)data, 0, 0) != 0)
        return errno;
    put_set(data, sets);
    if ((sets[PAL_CAPABILITIES_EFFECTIVE].is_set
         || sets[PAL_CAPABILITIES_PERMITTED].is_set
         || sets[PAL_CAPABILITIES_INHERITABLE].is_set)
        && pal__raw(SYS_capset, (long)&header, (long)data, 0, 0) != 0)
        return errno;
    return sets[PAL_CAPABILITIES_AMBIENT].is_set
               ? set_ambient(sets[PAL_CAPABILITIES_AMBIENT].value)
               : 0;
}

/* The signal follows the parent's thread, and does not come if the parent is
 * dead by now: so the parent is looked at afterwards. In a pid namespace it
 * has no pid, and is looked at through a descriptor. */
PAL__NO_SANITIZER static int die_with_parent(pal__child_t *child)
{
    struct timespec at_once = {0, 0};
    struct pollfd parent;
    long is_dead;

    if (pal__raw(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0) != 0)
        return errno;
    if (!(child->namespaces & CLONE_NEWPID))
        return pal__raw(SYS_getppid, 0, 0, 0, 0) == child->parent ? 0 : ESRCH;
    parent.fd = child->kept[PAL__KEPT_PARENT];
    parent.events = POLLIN;
    parent.revents = 0;
    if (parent.fd < 0)
        return ENOSYS;
    is_dead = pal__raw(SYS_ppoll, (long)&parent, 1, (long)&at_once, 0);
    return is_dead < 0 ? errno : is_dead > 0 ? ESRCH : 0;
}

PAL__NO_SANITIZER static void run_program(pal__child_t *child)
{
    const pal__spawn_t *spawn = child->spawn;
    char *const *program = spawn->programs;
    long argv = (long)spawn->argv, envp = (long)spawn->envp;
    int is_denied = 0;

    if (child->kept[PAL__KEPT_PROGRAM] >= 0) {
        (void)syscall(SYS_execveat, (long)child->kept[PAL__KEPT_PROGRAM], "",
                      argv, envp, (long)AT_EMPTY_PATH);
        fail(child, errno);
    }
    if (program == NULL) {
        /* It leads to the running program also when its file is gone. */
        (void)pal__raw(SYS_execve, (long)"/proc/self/exe", argv, envp, 0);
        fail(child, errno);
    }
    for (; *program != NULL; program++) {
        (void)pal__raw(SYS_execve, (long)*program, argv, envp, 0);
        is_denied |= errno == EACCES;
        if (errno != EACCES && errno != ENOENT && errno != ENOTDIR
            && errno != ENODEV && errno != ESTALE && errno != ETIMEDOUT)
            fail(child, errno);
    }
    fail(child, is_denied ? EACCES : errno);
}

/* The rights of the parent last until the ids change: what needs them, or a
 * path, or a descriptor that is not passed on, comes before. */
PAL__NO_SANITIZER static void set_up(pal__child_t *child)
{
    const pal_command_t *command = child->spawn->command;

    reset_signals(child);
    settle(child, PAL_STEP_JOB, enter_job(child));
    if (child->cgroup >= 0)
        settle(child, PAL_STEP_CGROUP,
               error_of(pal__raw(SYS_write, child->cgroup, (long)"0", 1, 0)));
    settle(child, PAL_STEP_SESSION, set_session(command));
    settle(child, PAL_STEP_FOLDER, enter_folder(command));
    settle(child, PAL_STEP_HANDLES, pal__table_place(child));
    /* If this fails in best effort, the parent tries again without. */
    child->result.step = PAL_STEP_NAMESPACES;
    child->result.err = set_namespaces(child);
    if (child->result.err != 0)
        fail(child, child->result.err);
    settle(child, PAL_STEP_SCHEDULE, set_schedule(child));
    if (command->hook != NULL)
        settle(child, PAL_STEP_HOOK, command->hook(command->hook_baton));
    settle(child, PAL_STEP_LIMITS, set_limits(child));
}

/* The bounding set takes a capability that the new ids may not have, the
 * others are to outlive the change of ids; a new set of capabilities may lack
 * what Landlock and seccomp need, so for these there is no_new_privs. Changed
 * ids make the kernel forget the parent-death signal, so that comes late, but
 * before the filter, which may refuse it, as it may refuse all but the exec.
 */
PAL__NO_SANITIZER static void give_up(pal__child_t *child)
{
    const pal_command_t *command = child->spawn->command;
    unsigned int held = child->result.held;
    int changes_capabilities = (held >> PAL_STEP_CAPABILITIES & 1) != 0;

    if (changes_capabilities) {
        settle(child, PAL_STEP_CAPABILITIES, shrink_bounding(command));
        if (command->uid.is_set) /* or permitted ones go with the uid 0 */
            settle(child, PAL_STEP_CAPABILITIES,
                   error_of(pal__raw(SYS_prctl, PR_SET_KEEPCAPS, 1, 0, 0)));
    }
    settle(child, PAL_STEP_IDS, set_ids(child));
    if (changes_capabilities)
        settle(child, PAL_STEP_CAPABILITIES, set_capabilities(command));
    if (command->no_new_privs || command->rules != NULL
        || command->filter != NULL)
        settle(child, PAL_STEP_PRIVILEGES,
               error_of(pal__raw(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0)));
    if (child->kept[PAL__KEPT_RULESET] >= 0)
        settle(child, PAL_STEP_LANDLOCK,
               error_of(pal__raw(SYS_landlock_restrict_self,
                                 child->kept[PAL__KEPT_RULESET], 0, 0, 0)));
    if (command->die_with_parent)
        settle(child, PAL_STEP_PARENT, die_with_parent(child));
    child->signal_set = 0;
    (void)pal__raw(SYS_rt_sigprocmask, SIG_SETMASK, (long)&child->signal_set,
                   0, PAL__SIGNAL_SET_SIZE);
    if (command->filter != NULL)
        settle(
            child, PAL_STEP_SECCOMP,
            error_of(pal__raw(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER,
                              (long)&child->filter, 0)));
}

PAL__NO_SANITIZER int pal__child_run(void *arg)
{
    pal__child_t *child = arg;

    child->has_begun = 1;
    set_up(child);
    give_up(child);
    child->result.step = PAL_STEP_EXEC;
    run_program(child);
    return 0;
}
