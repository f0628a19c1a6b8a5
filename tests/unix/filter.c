#include "config.h"

#include "filter.h"

#include <string.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#ifndef SYS_clone3
#    define SYS_clone3 435
#endif
#ifndef CLONE_PIDFD
#    define CLONE_PIDFD 0x1000
#endif

int filter_call(int number, unsigned int flag, int err)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)number, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 offsetof(struct seccomp_data, args)),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, flag, 0, flag != 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned int)err),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog filter = {sizeof(code) / sizeof(*code), code};

    /* A privileged process need not give up anything for it. */
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0
           || (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
               && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
}

/* The flags of clone3 are where a filter cannot look, so that is refused
 * altogether, in the one way that the C library puts up with. */
int filter_set(const char *what, int err)
{
    static const struct {
        const char *what;
        int number;
        unsigned int flag;
    } rows[] = {
        {"close_range", SYS_close_range, 0}, {"clone", SYS_clone, CLONE_VFORK},
        {"pidfd", SYS_clone, CLONE_PIDFD},   {"pidfd", SYS_pidfd_open, 0},
        {"pidfd", SYS_pidfd_send_signal, 0}, {"memfd", SYS_memfd_create, 0},
    };
    int n = 0;
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (strcmp(what, "all") == 0 || strcmp(what, rows[i].what) == 0) {
            if (!filter_call(rows[i].number, rows[i].flag, err)
                || (rows[i].number == SYS_clone
                    && !filter_call(SYS_clone3, 0, ENOSYS)))
                return 0;
            n++;
        }
    return n > 0;
}
