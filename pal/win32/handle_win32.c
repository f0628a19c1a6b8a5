#include "config.h"

#include "pipe_win32.h"
#include "section_win32.h"

#include <pal/handle.h>

#include <windows.h>

void pal_handle_close(pal_handle_t *handle)
{
    if (pal__handle_is_plain(*handle))
        (void)CloseHandle((HANDLE)*handle);
    *handle = PAL_HANDLE_NONE;
}

apr_status_t pal_handle_dup(pal_handle_t handle, pal_handle_t *ret_handle)
{
    HANDLE self = GetCurrentProcess(), copy;

    if (!pal__handle_is_plain(handle))
        return APR_EBADF;
    if (!DuplicateHandle(self, (HANDLE)handle, self, &copy, 0, FALSE,
                         DUPLICATE_SAME_ACCESS))
        return apr_get_os_error();
    *ret_handle = (pal_handle_t)copy;
    return APR_SUCCESS;
}

apr_status_t pal_handle_adopt(intptr_t value, pal_handle_t *ret_handle)
{
    if (!pal__handle_is_plain(value))
        return APR_EBADF;
    if (!SetHandleInformation((HANDLE)value, HANDLE_FLAG_INHERIT, 0))
        return apr_get_os_error();
    *ret_handle = value;
    return APR_SUCCESS;
}

static pal_handle_kind_t kind_of_file(HANDLE handle)
{
    BY_HANDLE_FILE_INFORMATION info;

    if (!GetFileInformationByHandle(handle, &info))
        return PAL_HANDLE_OTHER;
    return (info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0
               ? PAL_HANDLE_FOLDER
               : PAL_HANDLE_FILE;
}

static pal_handle_kind_t kind_of_pipe(pal_handle_t handle)
{
    pal__pipe_kind_t kind;

    /* Sockets call themselves pipes too. */
    if (!GetNamedPipeInfo((HANDLE)handle, NULL, NULL, NULL, NULL))
        return PAL_HANDLE_OTHER;
    if (pal__pipe_kind(handle, &kind) != APR_SUCCESS
        || kind == PAL__PIPE_OTHER)
        return PAL_HANDLE_PIPE;
    return PAL_HANDLE_CHANNEL;
}

apr_status_t pal_handle_kind(pal_handle_t handle, pal_handle_kind_t *ret_kind)
{
    apr_off_t size;
    DWORD flags;

    if (!pal__handle_is_plain(handle))
        return APR_EBADF;
    if (!GetHandleInformation((HANDLE)handle, &flags))
        return apr_get_os_error();
    /* First, since to Wine a section is a file on a disk. */
    if (pal__section_size(handle, &size) == APR_SUCCESS) {
        *ret_kind = PAL_HANDLE_REGION;
        return APR_SUCCESS;
    }
    switch (GetFileType((HANDLE)handle)) {
    case FILE_TYPE_DISK:
        *ret_kind = kind_of_file((HANDLE)handle);
        break;
    case FILE_TYPE_PIPE:
        *ret_kind = kind_of_pipe(handle);
        break;
    default:
        *ret_kind = PAL_HANDLE_OTHER;
    }
    return APR_SUCCESS;
}

apr_status_t pal_handle_pipe(pal_handle_t ret_ends[2])
{
    HANDLE reader, writer;

    if (!CreatePipe(&reader, &writer, NULL, 0))
        return apr_get_os_error();
    ret_ends[0] = (pal_handle_t)reader;
    ret_ends[1] = (pal_handle_t)writer;
    return APR_SUCCESS;
}
