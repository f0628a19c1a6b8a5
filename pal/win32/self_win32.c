#include "config.h"

#include "pipe_win32.h"
#include "wide_win32.h"

#include <pal/self.h>

#include <stdlib.h>
#include <string.h>

#include <windows.h>

#include <winternl.h>

#define MAX_PATH_UNITS 32768 /* no path is longer */

apr_int64_t pal_self_pid(void)
{
    return GetCurrentProcessId();
}

int pal_self_cpus(void)
{
    DWORD_PTR process, system;
    int n = 0;

    /* Zero for a process that runs in several groups of processors. */
    if (GetProcessAffinityMask(GetCurrentProcess(), &process, &system))
        for (; process != 0; process &= process - 1)
            n++;
    if (n == 0)
        n = (int)GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
    return n > 0 ? n : 1;
}

/* Path of the own executable, to be freed. */
static apr_status_t own_path(WCHAR **ret_path)
{
    WCHAR *path = malloc(MAX_PATH_UNITS * sizeof(*path));
    apr_status_t rv;
    DWORD len;

    if (path == NULL)
        return APR_ENOMEM;
    len = GetModuleFileNameW(NULL, path, MAX_PATH_UNITS);
    if (len == 0 || len == MAX_PATH_UNITS) {
        rv = len == 0 ? apr_get_os_error() : APR_ENAMETOOLONG;
        free(path);
        return rv;
    }
    *ret_path = path;
    return APR_SUCCESS;
}

apr_status_t pal_self_path(const char **ret_path, apr_pool_t *pool)
{
    char *text = NULL;
    WCHAR *path;
    apr_status_t rv = own_path(&path);

    if (rv != APR_SUCCESS)
        return rv;
    rv = pal__narrow(&text, path, wcslen(path), pool);
    free(path);
    if (rv == APR_SUCCESS)
        *ret_path = text;
    return rv;
}

apr_status_t pal_self_handle(pal_handle_t *ret_program)
{
    HANDLE program;
    WCHAR *path;
    apr_status_t rv = own_path(&path);

    if (rv != APR_SUCCESS)
        return rv;
    program = CreateFileW(path, GENERIC_READ | GENERIC_EXECUTE,
                          FILE_SHARE_READ | FILE_SHARE_DELETE, NULL,
                          OPEN_EXISTING, 0, NULL);
    if (program == INVALID_HANDLE_VALUE)
        rv = apr_get_os_error();
    else
        *ret_program = (pal_handle_t)program;
    free(path);
    return rv;
}

/* The program's name has rules of its own: a quote begins and ends what may
 * have blanks, and nothing is escaped. */
apr_status_t pal_self_argv0(const char **ret_argv0, apr_pool_t *pool)
{
    const WCHAR *at = GetCommandLineW(), *start = at;
    int is_quoted = *at == '"';
    char *text;
    apr_status_t rv;

    if (is_quoted)
        start = ++at;
    while (*at != '\0' && (is_quoted ? *at != '"' : *at != ' ' && *at != '\t'))
        at++;
    rv = pal__narrow(&text, start, (apr_size_t)(at - start), pool);
    if (rv == APR_SUCCESS)
        *ret_argv0 = text;
    return rv;
}

/* Since Windows 10 1607, under a name that moved between libraries. */
typedef HRESULT(WINAPI *set_description_t)(HANDLE thread, PCWSTR text);
typedef HRESULT(WINAPI *get_description_t)(HANDLE thread, PWSTR *ret_text);

static void (*find_call(const char *name))(void)
{
    return (void (*)(void))GetProcAddress(GetModuleHandleW(L"kernelbase.dll"),
                                          name);
}

apr_status_t pal_self_name_set(const char *name)
{
    set_description_t set =
        (set_description_t)find_call("SetThreadDescription");
    HRESULT result;
    WCHAR *wide;
    apr_status_t rv;

    if (set == NULL)
        return APR_ENOTIMPL;
    rv = pal__wide(&wide, name);
    if (rv != APR_SUCCESS)
        return rv;
    result = set(GetCurrentThread(), wide);
    free(wide);
    return SUCCEEDED(result) ? APR_SUCCESS : APR_EGENERAL;
}

apr_status_t pal_self_name(const char **ret_name, apr_pool_t *pool)
{
    get_description_t get =
        (get_description_t)find_call("GetThreadDescription");
    char *text = NULL;
    PWSTR wide;
    apr_status_t rv;

    if (get == NULL)
        return APR_ENOTIMPL;
    if (FAILED(get(GetCurrentThread(), &wide)))
        return APR_EGENERAL;
    rv = pal__narrow(&text, wide, wcslen(wide), pool);
    (void)LocalFree(wide);
    if (rv == APR_SUCCESS)
        *ret_name = text;
    return rv;
}

apr_int64_t pal_self_parent_pid(void)
{
    ULONG_PTR info[6]; /* the last is the parent's pid; headers differ */

    if (NtQueryInformationProcess(GetCurrentProcess(), ProcessBasicInformation,
                                  info, sizeof(info), NULL)
        != 0)
        return 0;
    return (apr_int64_t)info[5];
}

static apr_uint64_t started_at(HANDLE process)
{
    FILETIME created, ended, kernel, user;

    if (!GetProcessTimes(process, &created, &ended, &kernel, &user))
        return 0;
    return (apr_uint64_t)created.dwHighDateTime << 32 | created.dwLowDateTime;
}

apr_status_t pal_self_parent(pal_process_t **ret_process)
{
    apr_int64_t pid = pal_self_parent_pid();
    pal_process_t *process;
    apr_uint64_t started;
    HANDLE parent;
    apr_status_t rv = pal_process_attach(&process, pid);

    if (rv != APR_SUCCESS)
        return rv;
    /* While it is held its pid is its own. One that started later than this
     * process got the pid of a parent that has ended. */
    parent = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, (DWORD)pid);
    started = parent != NULL ? started_at(parent) : 0;
    if (parent != NULL)
        (void)CloseHandle(parent);
    if (started == 0 || started > started_at(GetCurrentProcess())) {
        pal_process_close(&process);
        return APR_FROM_OS_ERROR(ERROR_INVALID_PARAMETER); /* no such pid */
    }
    *ret_process = process;
    return APR_SUCCESS;
}

static apr_status_t read_variable(const WCHAR *name, const char **ret_value,
                                  apr_pool_t *pool)
{
    DWORD size = GetEnvironmentVariableW(name, NULL, 0), len;
    char *text = NULL;
    WCHAR *wide;
    apr_status_t rv;

    if (size == 0 && GetLastError() == ERROR_ENVVAR_NOT_FOUND) {
        *ret_value = NULL;
        return APR_SUCCESS;
    }
    wide = malloc((size + 1) * sizeof(*wide));
    if (wide == NULL)
        return APR_ENOMEM;
    len = GetEnvironmentVariableW(name, wide, size + 1);
    rv = pal__narrow(&text, wide, len, pool);
    free(wide);
    if (rv == APR_SUCCESS)
        *ret_value = text;
    return rv;
}

apr_status_t pal_self_env_take(const char *name, const char **ret_value,
                               apr_pool_t *pool)
{
    const char *value = NULL;
    WCHAR *wide;
    apr_status_t rv = pal__wide(&wide, name);

    if (rv != APR_SUCCESS)
        return rv;
    rv = read_variable(wide, &value, pool);
    if (rv == APR_SUCCESS && value != NULL) {
        /* The C library has a copy of its own, which getenv looks into. */
        (void)_wputenv_s(wide, L"");
        if (!SetEnvironmentVariableW(wide, NULL)
            && GetLastError() != ERROR_ENVVAR_NOT_FOUND)
            rv = apr_get_os_error();
    }
    free(wide);
    if (rv == APR_SUCCESS)
        *ret_value = value;
    return rv;
}

int pal_self_is_terminal(pal_handle_t handle)
{
    DWORD mode;

    return pal__handle_is_plain(handle)
           && GetConsoleMode((HANDLE)handle, &mode);
}

void pal_self_exit(int code)
{
    (void)TerminateProcess(GetCurrentProcess(), (UINT)code);
}
