#include "config.h"

#include "pipe_win32.h"
#include "section_win32.h"
#include "wide_win32.h"

#include <pal/file.h>
#include <pal/status.h>

#include <stdlib.h>
#include <string.h>

#include <windows.h>

#include <winternl.h>

/* How a name is opened.
 *
 * A path that somebody names goes the way of the system, but a name that
 * leads to a device, a named pipe or a mailslot is not opened at all: the
 * full path tells. Below a folder each component is opened relative to the
 * one before, as the file system has it, so "con" or "a:b" mean nothing else
 * there; and as itself if it is a link, which then is seen and refused. Who
 * exchanges a component meanwhile can only offer another one there. */

#define MAX_PATH_LEN 4095 /* bytes, of a path below a folder */
#define MAX_IO (1u << 30)
#define SHARE_ALL (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)

static apr_status_t status_of(NTSTATUS status)
{
    return APR_FROM_OS_ERROR(RtlNtStatusToDosError(status));
}

/* Does the full path lead into the name space of devices, or to a pipe or a
 * mailslot of some machine? */
static int is_device(const WCHAR *full)
{
    const WCHAR *share;
    apr_size_t len;

    if (full[0] != '\\' || full[1] != '\\')
        return 0;
    if (full[2] == '.' || full[2] == '?')
        return 1;
    share = wcschr(full + 2, '\\');
    if (share == NULL)
        return 0;
    share++;
    len = wcscspn(share, L"\\");
    return CompareStringOrdinal(share, (int)len, L"pipe", 4, TRUE)
               == CSTR_EQUAL
           || CompareStringOrdinal(share, (int)len, L"mailslot", 8, TRUE)
                  == CSTR_EQUAL;
}

/* The full path, to be freed. */
static apr_status_t full_path(const char *path, WCHAR **ret_full)
{
    WCHAR *wide, *full = NULL;
    DWORD size;
    apr_status_t rv;

    if (path[0] == '\0')
        return APR_ENOENT; /* the system need not say why it fails then */
    rv = pal__wide(&wide, path);
    if (rv != APR_SUCCESS)
        return rv;
    size = GetFullPathNameW(wide, 0, NULL, NULL);
    full = size > 0 ? malloc(size * sizeof(*full)) : NULL;
    if (size == 0)
        rv = apr_get_os_error();
    else if (full == NULL)
        rv = APR_ENOMEM;
    else if (GetFullPathNameW(wide, size, full, NULL) >= size)
        rv = APR_EINVAL; /* the working directory has changed meanwhile */
    else
        *ret_full = full;
    if (rv != APR_SUCCESS)
        free(full);
    free(wide);
    return rv;
}

static apr_status_t kind_of(HANDLE file, pal_file_kind_t *ret_kind)
{
    FILE_ATTRIBUTE_TAG_INFO info;

    if (GetFileType(file) != FILE_TYPE_DISK)
        return PAL_E_KIND;
    if (!GetFileInformationByHandleEx(file, FileAttributeTagInfo, &info,
                                      sizeof(info)))
        return apr_get_os_error();
    if ((info.FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0)
        *ret_kind = PAL_FILE_LINK;
    else if ((info.FileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0)
        *ret_kind = PAL_FILE_FOLDER;
    else
        *ret_kind = PAL_FILE_REGULAR;
    return APR_SUCCESS;
}

apr_status_t pal_file_open(const char *path, pal_handle_t *ret_handle,
                           pal_file_kind_t *ret_kind)
{
    HANDLE file = INVALID_HANDLE_VALUE;
    pal_file_kind_t kind = PAL_FILE_OTHER;
    WCHAR *full = NULL;
    apr_status_t rv = full_path(path, &full);

    if (rv != APR_SUCCESS)
        return rv;
    if (is_device(full))
        rv = PAL_E_KIND;
    else {
        /* With this flag folders can be opened too. */
        file = CreateFileW(full, GENERIC_READ, SHARE_ALL, NULL, OPEN_EXISTING,
                           FILE_FLAG_BACKUP_SEMANTICS, NULL);
        if (file == INVALID_HANDLE_VALUE)
            rv = apr_get_os_error();
    }
    free(full);
    if (rv == APR_SUCCESS)
        rv = kind_of(file, &kind);
    if (rv != APR_SUCCESS) {
        if (file != INVALID_HANDLE_VALUE)
            (void)CloseHandle(file);
        return rv;
    }
    /* A link was followed: what is still marked is a file that is stored in
     * some special way. */
    *ret_kind = kind == PAL_FILE_LINK ? PAL_FILE_REGULAR : kind;
    *ret_handle = (pal_handle_t)file;
    return APR_SUCCESS;
}

/* Open one component below `folder`, links as themselves. */
static apr_status_t open_component(HANDLE folder, WCHAR *name, apr_size_t len,
                                   HANDLE *ret_file)
{
    OBJECT_ATTRIBUTES attributes;
    IO_STATUS_BLOCK io;
    UNICODE_STRING string;
    NTSTATUS status;

    string.Buffer = name;
    string.Length = string.MaximumLength = (USHORT)(len * sizeof(WCHAR));
    InitializeObjectAttributes(&attributes, &string, OBJ_CASE_INSENSITIVE,
                               folder, NULL);
    status = NtCreateFile(
        ret_file, FILE_GENERIC_READ, &attributes, &io, NULL, 0, SHARE_ALL,
        FILE_OPEN, FILE_SYNCHRONOUS_IO_NONALERT | FILE_OPEN_REPARSE_POINT,
        NULL, 0);
    return status == 0 ? APR_SUCCESS : status_of(status);
}

/* Components with single separators between them, none of them "." or "..",
 * and nothing that the file system takes for something else. */
static int is_downward(const char *path)
{
    apr_size_t len;

    if (strpbrk(path, "\\:") != NULL)
        return 0;
    for (;; path += len + 1) {
        len = strcspn(path, "/");
        if (len == 0 || (len == 1 && path[0] == '.')
            || (len == 2 && path[0] == '.' && path[1] == '.'))
            return 0;
        if (path[len] == '\0')
            return 1;
    }
}

/* Walk down by components; the last one is opened whatever it is. */
static apr_status_t open_way(HANDLE folder, WCHAR *path, HANDLE *ret_file,
                             pal_file_kind_t *ret_kind)
{
    HANDLE at = folder, next;
    apr_status_t rv;
    apr_size_t len;

    for (;; path += len + 1) {
        len = wcscspn(path, L"/");
        rv = open_component(at, path, len, &next);
        if (at != folder)
            (void)CloseHandle(at);
        if (rv != APR_SUCCESS)
            return rv;
        at = next;
        rv = kind_of(at, ret_kind);
        if (rv == APR_SUCCESS && *ret_kind == PAL_FILE_LINK)
            rv = PAL_E_KIND;
        else if (rv == APR_SUCCESS && path[len] != '\0'
                 && *ret_kind != PAL_FILE_FOLDER)
            rv = APR_FROM_OS_ERROR(ERROR_PATH_NOT_FOUND);
        if (rv != APR_SUCCESS) {
            (void)CloseHandle(at);
            return rv;
        }
        if (path[len] == '\0') {
            *ret_file = at;
            return APR_SUCCESS;
        }
    }
}

apr_status_t pal_file_open_beneath(pal_handle_t folder, const char *path,
                                   pal_handle_t *ret_handle,
                                   pal_file_kind_t *ret_kind)
{
    pal_file_kind_t kind = PAL_FILE_OTHER;
    apr_status_t rv;
    HANDLE file;
    WCHAR *wide;

    if (!is_downward(path))
        return APR_EINVAL;
    if (strlen(path) > MAX_PATH_LEN)
        return APR_ENAMETOOLONG;
    if (!pal__handle_is_plain(folder))
        return APR_EBADF;
    rv = pal__wide(&wide, path);
    if (rv != APR_SUCCESS)
        return rv;
    rv = open_way((HANDLE)folder, wide, &file, &kind);
    free(wide);
    if (rv != APR_SUCCESS)
        return rv;
    *ret_handle = (pal_handle_t)file;
    *ret_kind = kind;
    return APR_SUCCESS;
}

static int compare_entries(const void *left, const void *right)
{
    return strcmp(((const pal_folder_entry_t *)left)->name,
                  ((const pal_folder_entry_t *)right)->name);
}

static pal_file_kind_t kind_of_attributes(DWORD attributes)
{
    if ((attributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0)
        return PAL_FILE_LINK;
    return (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0 ? PAL_FILE_FOLDER
                                                        : PAL_FILE_REGULAR;
}

static apr_status_t add_entry(apr_array_header_t *entries,
                              const FILE_ID_BOTH_DIR_INFO *info)
{
    apr_size_t len = info->FileNameLength / sizeof(WCHAR);
    pal_folder_entry_t *entry;
    char *name;
    apr_status_t rv;

    if ((len == 1 && info->FileName[0] == '.')
        || (len == 2 && info->FileName[0] == '.' && info->FileName[1] == '.'))
        return APR_SUCCESS;
    rv = pal__narrow(&name, info->FileName, len, entries->pool);
    if (rv != APR_SUCCESS)
        return rv;
    entry = apr_array_push(entries);
    entry->name = name;
    entry->kind = kind_of_attributes(info->FileAttributes);
    return APR_SUCCESS;
}

static apr_status_t read_entries(HANDLE folder, apr_array_header_t *entries)
{
    union {
        FILE_ID_BOTH_DIR_INFO info;
        char room[16384];
    } block;
    const FILE_ID_BOTH_DIR_INFO *info;
    apr_status_t rv;

    while (GetFileInformationByHandleEx(folder, FileIdBothDirectoryInfo,
                                        &block, sizeof(block))) {
        info = &block.info;
        for (;;) {
            rv = add_entry(entries, info);
            if (rv != APR_SUCCESS)
                return rv;
            if (info->NextEntryOffset == 0)
                break;
            info = (const FILE_ID_BOTH_DIR_INFO *)((const char *)info
                                                   + info->NextEntryOffset);
        }
    }
    return GetLastError() == ERROR_NO_MORE_FILES ? APR_SUCCESS
                                                 : apr_get_os_error();
}

apr_status_t pal_folder_list(pal_handle_t folder,
                             apr_array_header_t **ret_entries,
                             apr_pool_t *pool)
{
    apr_array_header_t *entries;
    apr_status_t rv;
    HANDLE list;

    if (!pal__handle_is_plain(folder))
        return APR_EBADF;
    /* Opened again: a duplicate would share the place in the list. */
    list = ReOpenFile((HANDLE)folder, FILE_LIST_DIRECTORY | SYNCHRONIZE,
                      SHARE_ALL, FILE_FLAG_BACKUP_SEMANTICS);
    if (list == INVALID_HANDLE_VALUE)
        return apr_get_os_error();
    entries = apr_array_make(pool, 16, sizeof(pal_folder_entry_t));
    rv = read_entries(list, entries);
    (void)CloseHandle(list);
    if (rv != APR_SUCCESS)
        return rv;
    qsort(entries->elts, (size_t)entries->nelts, sizeof(pal_folder_entry_t),
          compare_entries);
    *ret_entries = entries;
    return APR_SUCCESS;
}

/* After a failed read: is that the end? */
static apr_status_t read_status(void)
{
    DWORD error = GetLastError();

    return error == ERROR_HANDLE_EOF || error == ERROR_BROKEN_PIPE
               ? APR_SUCCESS
               : APR_FROM_OS_ERROR(error);
}

apr_status_t pal_file_read_at(pal_handle_t file, apr_off_t offset, void *buf,
                              apr_size_t len, apr_size_t *ret_len)
{
    OVERLAPPED at;
    apr_status_t rv;
    DWORD n = 0;

    if (!pal__handle_is_plain(file))
        return APR_EBADF;
    if (offset < 0)
        return APR_EINVAL;
    memset(&at, 0, sizeof(at));
    at.Offset = (DWORD)offset;
    at.OffsetHigh = (DWORD)((apr_uint64_t)offset >> 32);
    if (!ReadFile((HANDLE)file, buf, len < MAX_IO ? (DWORD)len : MAX_IO, &n,
                  &at)) {
        rv = read_status();
        if (rv != APR_SUCCESS)
            return rv;
    }
    *ret_len = n;
    return APR_SUCCESS;
}

apr_status_t pal_file_read(pal_handle_t file, void *buf, apr_size_t len,
                           apr_size_t *ret_len)
{
    apr_status_t rv;
    DWORD n = 0;

    if (!pal__handle_is_plain(file))
        return APR_EBADF;
    if (!ReadFile((HANDLE)file, buf, len < MAX_IO ? (DWORD)len : MAX_IO, &n,
                  NULL)) {
        rv = read_status();
        if (rv != APR_SUCCESS)
            return rv;
    }
    *ret_len = n;
    return APR_SUCCESS;
}

apr_status_t pal_file_write(pal_handle_t file, const void *buf, apr_size_t len)
{
    const char *next = buf;
    DWORD n;

    if (!pal__handle_is_plain(file))
        return APR_EBADF;
    while (len > 0) {
        if (!WriteFile((HANDLE)file, next, len < MAX_IO ? (DWORD)len : MAX_IO,
                       &n, NULL))
            return GetLastError() == ERROR_NO_DATA
                       ? APR_FROM_OS_ERROR(ERROR_BROKEN_PIPE)
                       : apr_get_os_error();
        next += n;
        len -= n;
    }
    return APR_SUCCESS;
}

apr_status_t pal_file_size(pal_handle_t file, apr_off_t *ret_size)
{
    pal_file_kind_t kind;
    LARGE_INTEGER size;
    apr_status_t rv;

    if (!pal__handle_is_plain(file))
        return APR_EBADF;
    if (GetFileType((HANDLE)file) == FILE_TYPE_UNKNOWN)
        return pal__section_size(file, ret_size);
    rv = kind_of((HANDLE)file, &kind);
    if (rv != APR_SUCCESS)
        return rv;
    if (kind == PAL_FILE_FOLDER)
        return PAL_E_KIND;
    if (!GetFileSizeEx((HANDLE)file, &size))
        return apr_get_os_error();
    *ret_size = (apr_off_t)size.QuadPart;
    return APR_SUCCESS;
}
