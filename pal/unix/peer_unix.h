/* Who is at the other end of a socket that was connected or accepted. */
#ifndef PAL_PEER_UNIX_H
#define PAL_PEER_UNIX_H

#include <pal/listener.h>

/* As the system says; -1 for what it does not. */
void pal__peer_get(int fd, pal_peer_t *ret_peer);

#endif
