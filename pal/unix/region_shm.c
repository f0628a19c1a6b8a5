#include "config.h"

#include "region_unix.h"

#include "fd.h"

#include <pal/region.h>
#include <pal/status.h>

#include <apr_general.h>

#include <stdio.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef HAVE_LINUX_MAGIC_H
#    include <linux/magic.h>
#    include <sys/vfs.h>
#endif

/* 96 random bits in hexadecimal: 31 bytes are all that some systems take. */
#define PREFIX "/pal-"
#define N_RANDOM 12
#define MAX_TRIES 10

int pal__region_is(int fd)
{
    struct stat st;
#ifdef HAVE_LINUX_MAGIC_H
    struct statfs fs;

    /* A file elsewhere may be one whose reading never ends. */
    if (fstatfs(fd, &fs) != 0 || fs.f_type != TMPFS_MAGIC)
        return 0;
#endif
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 0;
}

/* For a confined process, which may open nothing by name. */
static int open_memfd(const char *name)
{
#ifdef HAVE_MEMFD_CREATE
    return memfd_create(name, MFD_CLOEXEC);
#else
    (void)name;
    errno = ENOSYS;
    return -1;
#endif
}

/* Open new memory under a name that is gone again before anybody can have
 * guessed it. Without O_EXCL it could be somebody else's. */
static int open_nameless(void)
{
    char name[sizeof(PREFIX) + 2 * (size_t)N_RANDOM];
    unsigned char random[N_RANDOM];
    int i, fd, n;

    for (n = 0; n < MAX_TRIES; n++) {
        if (apr_generate_random_bytes(random, sizeof(random)) != APR_SUCCESS) {
            errno = EIO;
            break;
        }
        strcpy(name, PREFIX);
        for (i = 0; i < N_RANDOM; i++)
            (void)snprintf(name + strlen(PREFIX) + 2 * i, 3, "%02x",
                           random[i]);
        fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
        if (fd >= 0) {
            (void)shm_unlink(name); /* shm_open made it close-on-exec */
            return fd;
        }
        if (errno != EEXIST && errno != EINTR)
            break;
    }
    return -1;
}

int pal__region_open(const char *name)
{
    int fd = open_nameless();

    return fd < 0 && errno != EMFILE && errno != ENFILE ? open_memfd(name)
                                                        : fd;
}

apr_status_t pal_region_seal(pal_handle_t region)
{
    return fcntl(pal__fd_of(region), F_GETFD) < 0 ? errno : APR_ENOTIMPL;
}

apr_status_t pal_region_check(pal_handle_t region, apr_off_t *ret_size)
{
    (void)ret_size; /* nothing can be promised about it */
    if (fcntl(pal__fd_of(region), F_GETFD) < 0)
        return errno;
    return pal__region_is(pal__fd_of(region)) ? APR_ENOTIMPL : PAL_E_KIND;
}
