/* The descriptor that a handle is. */
#ifndef PAL_FD_H
#define PAL_FD_H

#include <pal/handle.h>

/* The descriptor, or -1, which every system call refuses with EBADF. */
int pal__fd_of(pal_handle_t handle);

#endif
