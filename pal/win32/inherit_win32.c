#include "config.h"

#include "inherit_win32.h"

#include "pipe_win32.h"

static SRWLOCK launch_lock = SRWLOCK_INIT;

static const DWORD std_names[PAL__N_STDIO] = {
    STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};

/* A list with a repeated handle is refused by the system. */
static apr_status_t add(pal__inherit_t *inherit, HANDLE handle)
{
    DWORD flags;
    int i;

    if (!pal__handle_is_plain((pal_handle_t)handle)
        || !GetHandleInformation(handle, &flags))
        return APR_EBADF;
    for (i = 0; i < inherit->n; i++)
        if (inherit->handles[i] == handle)
            return APR_SUCCESS;
    inherit->handles[inherit->n++] = handle;
    return APR_SUCCESS;
}

static apr_status_t open_pipe(pal__inherit_t *inherit, int number,
                              pal_handle_t *ret_ours)
{
    int ours = number == 0; /* to write */
    HANDLE ends[2];

    if (!CreatePipe(&ends[0], &ends[1], NULL, 0))
        return apr_get_os_error();
    *ret_ours = (pal_handle_t)ends[ours];
    inherit->made[inherit->n_made++] = ends[!ours];
    inherit->stdio[number] = ends[!ours];
    return APR_SUCCESS;
}

static apr_status_t open_null(pal__inherit_t *inherit, int number)
{
    HANDLE null = CreateFileW(L"NUL", GENERIC_READ | GENERIC_WRITE,
                              FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                              OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);

    if (null == INVALID_HANDLE_VALUE)
        return apr_get_os_error();
    inherit->made[inherit->n_made++] = null;
    inherit->stdio[number] = null;
    return APR_SUCCESS;
}

/* One of stdio that no handle was given for. */
static apr_status_t place_stdio(pal__inherit_t *inherit, pal_stdio_t stdio,
                                int number, pal_handle_t *pipes)
{
    HANDLE own = GetStdHandle(std_names[number]);
    apr_status_t rv;
    DWORD flags;

    if (stdio == PAL_STDIO_CLOSED)
        return APR_SUCCESS;
    if (stdio == PAL_STDIO_STDOUT)
        inherit->stdio[number] = inherit->stdio[1];
    else if (stdio == PAL_STDIO_INHERIT
             && pal__handle_is_plain((pal_handle_t)own)
             && GetHandleInformation(own, &flags))
        inherit->stdio[number] = own;
    else {
        rv = stdio == PAL_STDIO_PIPE
                 ? open_pipe(inherit, number, &pipes[number])
                 : open_null(inherit, number);
        if (rv != APR_SUCCESS)
            return rv;
    }
    return inherit->stdio[number] != NULL
               ? add(inherit, inherit->stdio[number])
               : APR_SUCCESS;
}

apr_status_t pal__inherit_fill(pal__inherit_t *inherit,
                               const pal_command_t *command,
                               pal_handle_t *pipes)
{
    const pal__given_t *given = command->given;
    const pal__given_t *end = given + command->n_given;
    apr_status_t rv = APR_SUCCESS;
    int number;

    for (number = 0; number < PAL__N_STDIO && rv == APR_SUCCESS; number++) {
        if (given < end && given->number == number) {
            inherit->stdio[number] = (HANDLE)given->handle;
            rv = add(inherit, (HANDLE)(given++)->handle);
        }
        else
            rv = place_stdio(inherit, command->stdio[number], number, pipes);
    }
    for (; given < end && rv == APR_SUCCESS; given++)
        rv = add(inherit, (HANDLE)given->handle);
    return rv;
}

intptr_t pal__given_value(const pal__given_t *given)
{
    return given->handle;
}

apr_status_t pal__inherit_begin(pal__inherit_t *inherit)
{
    apr_status_t rv;
    DWORD flags;
    int i;

    AcquireSRWLockExclusive(&launch_lock);
    for (i = 0; i < inherit->n; i++) {
        if (!GetHandleInformation(inherit->handles[i], &flags)
            || ((flags & HANDLE_FLAG_INHERIT) == 0
                && !SetHandleInformation(inherit->handles[i],
                                         HANDLE_FLAG_INHERIT,
                                         HANDLE_FLAG_INHERIT))) {
            rv = apr_get_os_error();
            inherit->n = i;
            pal__inherit_end(inherit);
            return rv;
        }
        inherit->is_marked[i] = (flags & HANDLE_FLAG_INHERIT) == 0;
    }
    return APR_SUCCESS;
}

void pal__inherit_end(pal__inherit_t *inherit)
{
    int i;

    for (i = 0; i < inherit->n; i++)
        if (inherit->is_marked[i])
            (void)SetHandleInformation(inherit->handles[i],
                                       HANDLE_FLAG_INHERIT, 0);
    ReleaseSRWLockExclusive(&launch_lock);
}

void pal__inherit_release(pal__inherit_t *inherit)
{
    while (inherit->n_made > 0)
        (void)CloseHandle(inherit->made[--inherit->n_made]);
}
