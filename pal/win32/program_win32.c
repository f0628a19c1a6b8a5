#include "config.h"

#include "program_win32.h"

#include "pipe_win32.h"
#include "wide_win32.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>

#define SUFFIX L".exe"
#define MAX_PATH_UNITS 32768

static int is_file(const WCHAR *path)
{
    DWORD attributes = GetFileAttributesW(path);

    return attributes != INVALID_FILE_ATTRIBUTES
           && (attributes & FILE_ATTRIBUTE_DIRECTORY) == 0;
}

/* CreateProcessW would hand these to a shell. The file system does not see
 * dots and blanks at the end. */
static int is_batch(const WCHAR *path)
{
    apr_size_t len = wcslen(path);

    while (len > 0 && (path[len - 1] == '.' || path[len - 1] == ' '))
        len--;
    return len > 4
           && (CompareStringOrdinal(path + len - 4, 4, L".bat", 4, TRUE)
                   == CSTR_EQUAL
               || CompareStringOrdinal(path + len - 4, 4, L".cmd", 4, TRUE)
                      == CSTR_EQUAL);
}

/* `folder`, if any, a separator and `name`, to be freed, the suffix added if
 * only so there is such a file. */
static apr_status_t try_place(WCHAR **ret_path, const WCHAR *folder,
                              apr_size_t folder_len, const WCHAR *name)
{
    apr_size_t size = folder_len + 1 + wcslen(name) + wcslen(SUFFIX) + 1;
    WCHAR *path = malloc(size * sizeof(*path));

    if (path == NULL)
        return APR_ENOMEM;
    (void)_snwprintf(path, size, L"%.*ls%ls%ls", (int)folder_len, folder,
                     folder_len > 0 ? L"\\" : L"", name);
    if (!is_file(path))
        wcscat(path, SUFFIX);
    if (!is_file(path)) {
        free(path);
        return APR_ENOENT;
    }
    *ret_path = path;
    return APR_SUCCESS;
}

static const char *search_path(char *const *envp)
{
    for (; *envp != NULL; envp++)
        if (_strnicmp(*envp, "PATH=", 5) == 0)
            return *envp + 5;
    return "";
}

/* The working directory is not searched. */
static apr_status_t search(WCHAR **ret_path, const WCHAR *name,
                           char *const *envp)
{
    const WCHAR *at;
    WCHAR *path;
    apr_size_t len;
    apr_status_t rv = pal__wide(&path, search_path(envp));

    if (rv != APR_SUCCESS)
        return rv;
    rv = APR_ENOENT;
    for (at = path; rv == APR_ENOENT; at += len + 1) {
        len = wcscspn(at, L";");
        if (len > 0)
            rv = try_place(ret_path, at, len, name);
        if (at[len] == '\0')
            break;
    }
    free(path);
    return rv;
}

static int is_relative(const WCHAR *path)
{
    return path[0] != '\\' && path[0] != '/'
           && !(path[0] != '\0' && path[1] == ':');
}

apr_status_t pal__program_of_handle(WCHAR **ret_path, pal_handle_t handle)
{
    WCHAR *path;
    apr_status_t rv;
    DWORD len;

    if (!pal__handle_is_plain(handle))
        return APR_EBADF;
    path = malloc(MAX_PATH_UNITS * sizeof(*path));
    if (path == NULL)
        return APR_ENOMEM;
    len = GetFinalPathNameByHandleW((HANDLE)handle, path, MAX_PATH_UNITS, 0);
    if (len == 0 || len >= MAX_PATH_UNITS) {
        rv = len == 0 ? apr_get_os_error() : APR_ENAMETOOLONG;
        free(path);
        return rv;
    }
    /* A working directory must not have the prefix. */
    if (wcsncmp(path, L"\\\\?\\", 4) == 0 && path[5] == ':')
        memmove(path, path + 4, (len - 3) * sizeof(*path));
    *ret_path = path;
    return APR_SUCCESS;
}

static apr_status_t of_self(WCHAR **ret_path)
{
    WCHAR *path = malloc(MAX_PATH_UNITS * sizeof(*path));

    if (path == NULL)
        return APR_ENOMEM;
    if (GetModuleFileNameW(NULL, path, MAX_PATH_UNITS) == 0) {
        free(path);
        return apr_get_os_error();
    }
    *ret_path = path;
    return APR_SUCCESS;
}

static apr_status_t of_name(WCHAR **ret_path, const pal_command_t *command,
                            char *const *envp)
{
    WCHAR *name, *folder = NULL;
    apr_status_t rv = pal__wide(&name, command->program);

    if (rv != APR_SUCCESS)
        return rv;
    if (command->program_kind == PAL__PROGRAM_SEARCH
        && wcspbrk(name, L"/\\:") == NULL)
        rv = *name != '\0' ? search(ret_path, name, envp) : APR_ENOENT;
    else {
        if (is_relative(name) && command->folder != NULL)
            rv = pal__wide(&folder, command->folder);
        else if (is_relative(name)
                 && command->folder_handle != PAL_HANDLE_NONE)
            rv = pal__program_of_handle(&folder, command->folder_handle);
        if (rv == APR_SUCCESS)
            rv = try_place(ret_path, folder != NULL ? folder : L"",
                           folder != NULL ? wcslen(folder) : 0, name);
        free(folder);
    }
    free(name);
    return rv;
}

apr_status_t pal__program_find(WCHAR **ret_path, const pal_command_t *command,
                               char *const *envp)
{
    WCHAR *path = NULL;
    apr_status_t rv;

    if (command->program_kind == PAL__PROGRAM_SELF)
        rv = of_self(&path);
    else if (command->program_kind == PAL__PROGRAM_HANDLE)
        rv = pal__program_of_handle(&path, command->program_handle);
    else
        rv = of_name(&path, command, envp);
    if (rv == APR_SUCCESS && is_batch(path))
        rv = ENOEXEC;
    if (rv != APR_SUCCESS) {
        free(path);
        return rv;
    }
    *ret_path = path;
    return APR_SUCCESS;
}
