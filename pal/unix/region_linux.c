#include "config.h"

#include "region_unix.h"

#include "fd.h"

#include <pal/region.h>
#include <pal/status.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* Files of a tmpfs report seals too, but always and only "no more seals". */
int pal__region_is(int fd)
{
    int seals = fcntl(fd, F_GET_SEALS);

    return seals >= 0 && seals != F_SEAL_SEAL;
}

int pal__region_open(const char *name)
{
    return memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

apr_status_t pal_region_seal(pal_handle_t region)
{
    return fcntl(pal__fd_of(region), F_ADD_SEALS, ALL_SEALS) == 0 ? APR_SUCCESS
                                                                  : errno;
}

apr_status_t pal_region_check(pal_handle_t region, apr_off_t *ret_size)
{
    struct statfs fs;
    struct stat st;
    int seals;

    seals = fcntl(pal__fd_of(region), F_GET_SEALS);
    if (seals < 0)
        return errno == EINVAL ? PAL_E_KIND : errno;
    if (fstatfs(pal__fd_of(region), &fs) != 0
        || fstat(pal__fd_of(region), &st) != 0)
        return errno;
    /* Huge pages can be sealed too. Not by st_blksize, which is large for
     * ordinary regions as well where the system uses transparent ones. */
    if ((unsigned long)fs.f_type == HUGETLBFS_MAGIC)
        return PAL_E_KIND;
    if ((seals & ALL_SEALS) != ALL_SEALS)
        return PAL_E_SEALS;
    *ret_size = st.st_size;
    return APR_SUCCESS;
}
