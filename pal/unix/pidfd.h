/* Descriptors that stand for a process: pidfd_linux.c, or with
 * --disable-linux-native pidfd_none.c, which fails with ENOSYS. */
#ifndef PAL_PIDFD_H
#define PAL_PIDFD_H

#include <sys/types.h>

/* Are there such descriptors? */
int pal__pidfd_is_there(void);

/* A descriptor; -1, and errno. */
int pal__pidfd_open(pid_t pid);

/* One of the process that connected to this socket, or was connected to. */
int pal__pidfd_of_peer(int socket);

/* Send the signal `number`; -1, and errno. */
int pal__pidfd_signal(int pidfd, int number);

#endif
