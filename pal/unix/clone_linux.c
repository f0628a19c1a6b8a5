#include "config.h"

#include "child_linux.h"

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>

/* clone3(2), the only way to make a child in another cgroup. To enter one
 * later, by writing to its cgroup.procs, takes the kernel up to tens of
 * milliseconds if nobody has done so for a while: it first waits until no
 * process anywhere is in the midst of a fork or exec.
 *
 * The C library has no function for it. The child comes back from the call on
 * a stack with nothing on it, so what it does next cannot be written in C. */

#if defined(__x86_64__) && !defined(__ILP32__)

#    ifndef SYS_clone3
#        define SYS_clone3 435
#    endif
#    define INTO_CGROUP 0x200000000 /* CLONE_INTO_CGROUP, since Linux 5.7 */

/* The kernel's struct clone_args. */
typedef struct clone_args_t {
    apr_uint64_t flags, pidfd, child_tid, parent_tid, exit_signal;
    apr_uint64_t stack, stack_size, tls, set_tid, set_tid_size, cgroup;
} clone_args_t;

int pal__clone_into(pal__child_t *child, int flags, char *stack,
                    apr_size_t stack_size)
{
    clone_args_t args = {0};
    long result;

    args.flags = (unsigned int)flags | INTO_CGROUP;
    args.pidfd = (apr_uint64_t)&child->pidfd;
    args.exit_signal = SIGCHLD;
    args.stack = (apr_uint64_t)stack;
    args.stack_size = stack_size;
    args.cgroup = (apr_uint64_t)child->spawn->entry->cgroup_folder;
    __asm__ volatile(
        "syscall\n\t"
        "test %%rax, %%rax\n\t"
        "jnz 1f\n\t"
        "mov %[child], %%rdi\n\t"
        "call *%[run]\n\t"
        "ud2\n"
        "1:"
        : "=a"(result)
        : "0"((long)SYS_clone3), "D"(&args),
          "S"(sizeof(args)), [run] "r"(pal__child_run), [child] "r"(child)
        : "rcx", "r11", "memory");
    if (result >= 0)
        return (int)result;
    errno = (int)-result;
    return -1;
}

#else

int pal__clone_into(pal__child_t *child, int flags, char *stack,
                    apr_size_t stack_size)
{
    (void)child;
    (void)flags;
    (void)stack;
    (void)stack_size;
    errno = ENOSYS;
    return -1;
}

#endif
