#include "config.h"

#include "pidfd.h"

#include <stddef.h>

#include <sys/syscall.h>
#include <unistd.h>

/* The numbers are the same on every architecture (alpha apart). */
#ifndef SYS_pidfd_send_signal
#    define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#    define SYS_pidfd_open 434
#endif

int pal__pidfd_open(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, (long)pid, 0L);
}

int pal__pidfd_signal(int pidfd, int number)
{
    return (int)syscall(SYS_pidfd_send_signal, (long)pidfd, (long)number, NULL,
                        0L);
}
