#include "config.h"

#include "pipe_win32.h"
#include "section_win32.h"

#include <pal/region.h>
#include <pal/status.h>

#include <string.h>

#include <windows.h>

#include <winternl.h>

#define MAX_NAME 200

/* What the system's headers leave out. */
typedef struct section_info_t {
    PVOID base;
    ULONG attributes;
    LARGE_INTEGER size;
} section_info_t;

NTSYSAPI NTSTATUS NTAPI NtQuerySection(HANDLE section, int information,
                                       PVOID buf, SIZE_T len, PSIZE_T ret_len);

apr_status_t pal__section_size(pal_handle_t handle, apr_off_t *ret_size)
{
    section_info_t info;
    DWORD flags;

    if (!pal__handle_is_plain(handle))
        return APR_EBADF;
    if (!GetHandleInformation((HANDLE)handle, &flags))
        return apr_get_os_error();
    if (NtQuerySection((HANDLE)handle, 0, &info, sizeof(info), NULL) != 0)
        return PAL_E_KIND;
    /* Pages of a file can be anywhere, and pages that are only reserved are
     * not there: touching either may fail or take long. */
    if ((info.attributes & SEC_COMMIT) == 0
        || (info.attributes & (SEC_FILE | SEC_IMAGE)) != 0)
        return PAL_E_KIND;
    *ret_size = (apr_off_t)info.size.QuadPart;
    return APR_SUCCESS;
}

apr_status_t pal_region_create(const char *name, apr_off_t size,
                               pal_handle_t *ret_region)
{
    HANDLE section;

    if (size < 0 || strlen(name) > MAX_NAME)
        return APR_EINVAL;
    if (size == 0)
        size = 1; /* none is empty here */
    section = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE,
                                 (DWORD)((apr_uint64_t)size >> 32),
                                 (DWORD)size, NULL);
    if (section == NULL)
        return GetLastError() == ERROR_COMMITMENT_LIMIT ? APR_ENOMEM
                                                        : apr_get_os_error();
    *ret_region = (pal_handle_t)section;
    return APR_SUCCESS;
}

/* Map what covers these bytes: `*ret_view` is to be unmapped, *ret_data is
 * where they are. */
static apr_status_t map_around(pal_handle_t region, apr_off_t offset,
                               apr_size_t len, DWORD access, char **ret_view,
                               char **ret_data)
{
    apr_size_t skip = (apr_size_t)(offset % PAL_REGION_UNIT);
    apr_off_t start = offset - (apr_off_t)skip;
    char *view;

    view = MapViewOfFile((HANDLE)region, access,
                         (DWORD)((apr_uint64_t)start >> 32), (DWORD)start,
                         skip + len);
    if (view == NULL)
        return GetLastError() == ERROR_ACCESS_DENIED ? APR_EACCES
                                                     : apr_get_os_error();
    *ret_view = view;
    *ret_data = view + skip;
    return APR_SUCCESS;
}

/* Do these bytes lie within the region? */
static apr_status_t check_range(pal_handle_t region, apr_off_t offset,
                                apr_size_t len, apr_status_t beyond)
{
    apr_off_t size;
    apr_status_t rv = pal__section_size(region, &size);

    if (rv != APR_SUCCESS)
        return rv;
    if (offset < 0)
        return APR_EINVAL;
    return offset > size || len > (apr_uint64_t)(size - offset) ? beyond
                                                                : APR_SUCCESS;
}

apr_status_t pal_region_write_at(pal_handle_t region, apr_off_t offset,
                                 const void *data, apr_size_t len)
{
    apr_status_t rv = check_range(region, offset, len, APR_EINVAL);
    char *view, *to;

    if (rv != APR_SUCCESS || len == 0)
        return rv;
    rv = map_around(region, offset, len, FILE_MAP_WRITE, &view, &to);
    if (rv != APR_SUCCESS)
        return rv;
    memcpy(to, data, len);
    (void)UnmapViewOfFile(view);
    return APR_SUCCESS;
}

apr_status_t pal_region_seal(pal_handle_t region)
{
    apr_off_t size;
    apr_status_t rv = pal__section_size(region, &size);

    return rv == APR_SUCCESS ? APR_ENOTIMPL : rv;
}

apr_status_t pal_region_check(pal_handle_t region, apr_off_t *ret_size)
{
    (void)ret_size; /* as pal_region_seal: nobody promises what is in it */
    return pal_region_seal(region);
}

apr_status_t pal_region_read_at(pal_handle_t region, apr_off_t offset,
                                void *buf, apr_size_t len)
{
    apr_status_t rv = check_range(region, offset, len, APR_EOF);
    char *view, *from;

    if (rv != APR_SUCCESS || len == 0)
        return rv;
    rv = map_around(region, offset, len, FILE_MAP_READ, &view, &from);
    if (rv != APR_SUCCESS)
        return rv;
    memcpy(buf, from, len);
    (void)UnmapViewOfFile(view);
    return APR_SUCCESS;
}

apr_status_t pal_region_map(pal_handle_t region, apr_off_t offset,
                            apr_size_t len, int flags, void **ret_address)
{
    DWORD access =
        (flags & PAL_REGION_WRITE) != 0 ? FILE_MAP_WRITE : FILE_MAP_READ;
    apr_status_t rv;
    char *view, *data;

    if (len == 0 || offset % PAL_REGION_UNIT != 0
        || (flags != PAL_REGION_READ
            && flags != (PAL_REGION_READ | PAL_REGION_WRITE)))
        return APR_EINVAL;
    rv = check_range(region, offset, len, APR_EINVAL);
    if (rv == APR_SUCCESS)
        rv = map_around(region, offset, len, access, &view, &data);
    if (rv == APR_SUCCESS)
        *ret_address = data;
    return rv;
}

apr_status_t pal_region_unmap(void *address, apr_size_t len)
{
    (void)len;
    return UnmapViewOfFile(address) ? APR_SUCCESS : apr_get_os_error();
}
