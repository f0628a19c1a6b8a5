#include "config.h"

#include "region_unix.h"

#include "fd.h"

#include <pal/region.h>

#include <string.h>

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_NAME 200

apr_status_t pal_region_create(const char *name, apr_off_t size,
                               pal_handle_t *ret_region)
{
    apr_status_t rv;
    int fd;

    if (size < 0 || strlen(name) > MAX_NAME)
        return APR_EINVAL;
    fd = pal__region_open(name);
    if (fd < 0)
        return errno == ENOSYS ? APR_ENOTIMPL : errno;
    while (ftruncate(fd, size) != 0) {
        if (errno == EINTR)
            continue;
        rv = errno;
        (void)close(fd);
        return rv;
    }
    *ret_region = fd;
    return APR_SUCCESS;
}

/* Are these bytes all inside? */
static apr_status_t check_range(int fd, apr_off_t offset, apr_size_t len)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return errno;
    return offset < 0 || offset > st.st_size
                   || len > (apr_uint64_t)(st.st_size - offset)
               ? APR_EINVAL
               : APR_SUCCESS;
}

apr_status_t pal_region_write_at(pal_handle_t region, apr_off_t offset,
                                 const void *data, apr_size_t len)
{
    const char *next = data;
    ssize_t n;
    /* A write beyond the size would make it grow. */
    apr_status_t rv = check_range(pal__fd_of(region), offset, len);

    if (rv != APR_SUCCESS)
        return rv;
    while (len > 0) {
        n = pwrite(pal__fd_of(region), next, len, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        next += n;
        offset += n;
        len -= (apr_size_t)n;
    }
    return APR_SUCCESS;
}

apr_status_t pal_region_read_at(pal_handle_t region, apr_off_t offset,
                                void *buf, apr_size_t len)
{
    char *next = buf;
    ssize_t n;

    while (len > 0) {
        n = pread(pal__fd_of(region), next, len, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        if (n == 0)
            return APR_EOF;
        next += n;
        offset += n;
        len -= (apr_size_t)n;
    }
    return APR_SUCCESS;
}

apr_status_t pal_region_map(pal_handle_t region, apr_off_t offset,
                            apr_size_t len, int flags, void **ret_address)
{
    int is_written = flags & PAL_REGION_WRITE;
    apr_status_t rv;
    void *address;

    if (len == 0 || offset % PAL_REGION_UNIT != 0
        || (flags != PAL_REGION_READ
            && flags != (PAL_REGION_READ | PAL_REGION_WRITE)))
        return APR_EINVAL;
    rv = check_range(pal__fd_of(region), offset, len);
    if (rv != APR_SUCCESS)
        return rv;
    /* Private to read: a shared one of an open file that could be written
     * keeps the region from being sealed, and older kernels refuse it once
     * that is sealed. */
    address = mmap(NULL, len, is_written ? PROT_READ | PROT_WRITE : PROT_READ,
                   is_written ? MAP_SHARED : MAP_PRIVATE, pal__fd_of(region),
                   offset);
    if (address == MAP_FAILED)
        return errno;
    *ret_address = address;
    return APR_SUCCESS;
}

apr_status_t pal_region_unmap(void *address, apr_size_t len)
{
    return munmap(address, len) == 0 ? APR_SUCCESS : errno;
}
