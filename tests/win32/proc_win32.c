/* What the conformance programs can see of a process on Windows: there are no
 * names but that of the program, and the files behind handles have none. */
#include "config.h"

#include "proc.h"

#include <windows.h>

const char proc_null[] = "NUL";
const int proc_sees_inheritable = 0;

apr_status_t proc_comm(const char **ret_comm, apr_pool_t *pool)
{
    (void)pool;
    *ret_comm = "";
    return APR_SUCCESS;
}

const char *proc_comm_expected(const char *name, apr_pool_t *pool)
{
    (void)name;
    (void)pool;
    return "";
}

/* A device of characters that is no console is taken for NUL. */
apr_status_t proc_link(int number, const char **ret_target, apr_pool_t *pool)
{
    static const DWORD numbers[] = {STD_INPUT_HANDLE, STD_OUTPUT_HANDLE};
    HANDLE handle;
    DWORD mode;

    (void)pool;
    if (number < 0 || number > 1)
        return APR_ENOTIMPL;
    handle = GetStdHandle(numbers[number]);
    *ret_target =
        GetFileType(handle) == FILE_TYPE_CHAR && !GetConsoleMode(handle, &mode)
            ? proc_null
            : "something else";
    return APR_SUCCESS;
}

apr_status_t proc_inheritable(apr_int64_t pid, const char **ret_text,
                              apr_pool_t *pool)
{
    (void)pid;
    (void)ret_text;
    (void)pool;
    return APR_ENOTIMPL;
}
