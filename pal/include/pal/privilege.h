/* What the child of a command may do: ids, capabilities, namespaces, filters.
 *
 * Set on a command (process.h) before pal_process_start. Each is done by the
 * child in the order of pal_step_t, so that no step takes from it what a later
 * one needs; the program's own loading comes last, and has to get by with
 * what is left. A failed step fails the launch, and nothing was started, if
 * its mode is strict (the default); with best effort the child goes on
 * without, and pal_process_held tells. A handle that is not open is no such
 * matter, and fails the launch.
 *
 * A mechanism that this kernel lacks fails with ENOSYS (Landlock switched
 * off: EOPNOTSUPP), one that this build of pal lacks with APR_ENOTIMPL: with
 * --disable-linux-native all that is declared here but the ids.
 *
 * Threads: as process.h. */
#ifndef PAL_PRIVILEGE_H
#define PAL_PRIVILEGE_H

#include <pal/confine.h>
#include <pal/process.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Limits of one command; beyond them the setters return PAL_E_LIMIT. */
#define PAL_COMMAND_MAX_GROUPS 256
#define PAL_COMMAND_MAX_FILTER 4096 /* instructions */
#define PAL_COMMAND_MAX_RULES 1024

/* What happens if `step` fails. It is one of PAL_STEP_CGROUP, _NAMESPACES,
 * _SCHEDULE, _LIMITS, _CAPABILITIES, _PRIVILEGES, _LANDLOCK and _SECCOMP; the
 * others are strict always: APR_EINVAL. */
apr_status_t pal_command_mode_set(pal_command_t *command, pal_step_t step,
                                  pal_confine_mode_t mode);

/* Whether such a step was asked for and done, all of it. */
int pal_process_held(pal_process_t *process, pal_step_t step);

/* User id and group id: real, effective and saved. The supplementary groups
 * are those set here; if none are set, a privileged parent's are dropped with
 * a change of uid, and others are kept. APR_EINVAL: 4294967295. */
apr_status_t pal_command_uid_set(pal_command_t *command, apr_uint32_t uid);
apr_status_t pal_command_gid_set(pal_command_t *command, apr_uint32_t gid);
apr_status_t pal_command_groups_set(pal_command_t *command,
                                    const apr_uint32_t *gids, int n_gids);

/* The five sets of capabilities(7); bit N stands for capability N. Sets that
 * are not set are left alone, as far as ids let them. They hold up to the
 * exec, at which the kernel computes those of the program: what is to last in
 * a program without file capabilities, and with another uid than 0, goes into
 * permitted, inheritable and ambient. The bounding set can only shrink. */
typedef enum {
    PAL_CAPABILITIES_EFFECTIVE,
    PAL_CAPABILITIES_PERMITTED,
    PAL_CAPABILITIES_INHERITABLE,
    PAL_CAPABILITIES_BOUNDING,
    PAL_CAPABILITIES_AMBIENT
} pal_capabilities_t;
apr_status_t pal_command_capabilities_set(pal_command_t *command,
                                          pal_capabilities_t which,
                                          apr_uint64_t bits);

/* Set no_new_privs (prctl(2)). */
apr_status_t pal_command_no_new_privs_set(pal_command_t *command, int on);

/* Layers that Windows has, joined by or; 0: none. Elsewhere the launch fails
 * with APR_ENOTIMPL at PAL_STEP_PRIVILEGES if any is asked for. There
 * no_new_privs means a token without privileges. */
#define PAL_WINDOWS_LOW_INTEGRITY 1 /* cannot write to what is the user's */
#define PAL_WINDOWS_NO_CHILDREN 2   /* cannot start processes */
#define PAL_WINDOWS_MITIGATIONS                                               \
    4 /* DEP, ASLR, heap, handles, extension
                                       points, images from elsewhere */
apr_status_t pal_command_windows_set(pal_command_t *command, int layers);

/* A filter of system calls, `size` bytes of struct sock_filter (seccomp(2)).
 * It is set right before exec, so it has to allow that (execve, or execveat
 * for a program by handle) and what the program's loading takes. Implies
 * no_new_privs. A filter that kills at exec shows as a child that ended by
 * SIGSYS. size 0: none. */
apr_status_t pal_command_seccomp_set(pal_command_t *command,
                                     const void *program, apr_size_t size);

/* Landlock: with a first rule all files are closed to the child but what is
 * beneath those named in rules. Needed to start: the program with
 * PAL_FILES_EXECUTE and PAL_FILES_READ, and so its interpreter and libraries.
 * Handles it was given are not affected. Paths are those of this process at
 * launch. Implies no_new_privs.
 * Ownership: `handle` is borrowed, and must be open at each launch. */
#define PAL_FILES_READ 1    /* open to read, list folders */
#define PAL_FILES_WRITE 2   /* open to write, truncate, make, move, remove */
#define PAL_FILES_EXECUTE 4 /* run */
apr_status_t pal_command_landlock_add(pal_command_t *command, const char *path,
                                      int rights);
apr_status_t pal_command_landlock_handle_add(pal_command_t *command,
                                             pal_handle_t handle, int rights);

/* New namespaces, all or none of them. In a new user namespace the uid and the
 * gid of the command, else those of this process, stand for the effective ids
 * of this process: one id each (what maps ranges has to be privileged, and is
 * not offered), so supplementary groups cannot be set. Mounts of a new mount
 * namespace are private. A new pid namespace ends with the child, which is 1
 * there and keeps the /proc of outside; dying with the parent needs pidfd
 * there, PAL_STEP_PARENT fails with ENOSYS without. */
#define PAL_NAMESPACE_USER 1
#define PAL_NAMESPACE_PID 2
#define PAL_NAMESPACE_MOUNT 4
#define PAL_NAMESPACE_NET 8
#define PAL_NAMESPACE_IPC 16
#define PAL_NAMESPACE_UTS 32
apr_status_t pal_command_namespaces_set(pal_command_t *command,
                                        int namespaces);

/* Start in the cgroup whose folder `handle` is open on; PAL_HANDLE_NONE: that
 * of this process. Of a command in a job that has a cgroup, this one counts,
 * and the job no longer reaches all its descendants.
 * Ownership: borrowed, and must be open at each launch. */
apr_status_t pal_command_cgroup_set(pal_command_t *command,
                                    pal_handle_t handle);

#ifdef __cplusplus
}
#endif
#endif
