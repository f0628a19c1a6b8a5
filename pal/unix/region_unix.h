/* What is a region: region_linux.c, or with --disable-linux-native
 * region_shm.c, which have the rest of <pal/region.h> that is not common. */
#ifndef PAL_REGION_UNIX_H
#define PAL_REGION_UNIX_H

/* Does the descriptor stand for memory that can be handed on as a region? */
int pal__region_is(int fd);

/* New memory without a byte; -1, and errno. */
int pal__region_open(const char *name);

#endif
