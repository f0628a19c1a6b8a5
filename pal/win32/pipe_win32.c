#include "config.h"

#include "pipe_win32.h"

#include <pal/status.h>

#include <apr_general.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <sddl.h>

#define BUFFER_LEN (64 << 10) /* what the system keeps, each way */
#define MAX_NAME_LEN 200      /* of 256, with the prefix */
#define RANDOM_LEN 16

/* To read and write, but not to serve the pipe as well. */
#define CLIENT_ACCESS                                                         \
    (FILE_GENERIC_READ | FILE_WRITE_DATA | FILE_WRITE_ATTRIBUTES | SYNCHRONIZE)
#define CLIENT_ACCESS_TEXT L"0x12018b"

/* The local part of a path to a pipe, and the part that tells the kind. */
static const char *const prefixes[] = {"", "pal-channel-", "pal-stream-"};
static const char folder[] = "\\\\.\\pipe\\";

typedef struct path_t {
    WCHAR text[MAX_PATH];
} path_t;

int pal__handle_is_plain(pal_handle_t handle)
{
    /* Values have 32 bits that count and are multiples of 4. */
    return handle > 0 && handle <= INT32_MAX && (handle & 3) == 0;
}

apr_status_t pal__pipe_status(DWORD error)
{
    switch (error) {
    case ERROR_BROKEN_PIPE:
    case ERROR_NO_DATA:
    case ERROR_PIPE_NOT_CONNECTED:
        return APR_EPIPE;
    case ERROR_INVALID_HANDLE:
        return APR_EBADF;
    default:
        return APR_FROM_OS_ERROR(error);
    }
}

static apr_status_t last_error(void)
{
    return APR_FROM_OS_ERROR(GetLastError());
}

apr_status_t pal__pipe_name_check(const char *name)
{
    if (*name == '\0' || strpbrk(name, "\\/") != NULL)
        return APR_EINVAL;
    return strlen(name) <= MAX_NAME_LEN ? APR_SUCCESS : PAL_E_LIMIT;
}

static apr_status_t make_path(path_t *path, pal__pipe_kind_t kind,
                              const char *name)
{
    char text[sizeof(folder) + 16 + MAX_NAME_LEN];

    (void)snprintf(text, sizeof(text), "%s%s%s", folder, prefixes[kind], name);
    if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1,
                            path->text, MAX_PATH)
        == 0)
        return APR_EINVAL;
    return APR_SUCCESS;
}

/* ---- who may connect ---- */

/* All rights for the user of this process and none for anybody else, in the
 * language of security descriptors.
 * Ownership: *ret_sid_text is to be freed with LocalFree. */
static apr_status_t own_sid(WCHAR **ret_sid_text)
{
    union {
        TOKEN_USER user;
        char room[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
    } token_user;
    apr_status_t rv = APR_SUCCESS;
    HANDLE token;
    DWORD len;

    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
        return last_error();
    if (!GetTokenInformation(token, TokenUser, &token_user, sizeof(token_user),
                             &len)
        || !ConvertSidToStringSidW(token_user.user.User.Sid, ret_sid_text))
        rv = last_error();
    (void)CloseHandle(token);
    return rv;
}

/* Ownership: *ret_descriptor is to be freed with LocalFree. */
static apr_status_t own_descriptor(int is_private,
                                   PSECURITY_DESCRIPTOR *ret_descriptor)
{
    static const WCHAR everyone[] = L"(A;;" CLIENT_ACCESS_TEXT L";;;WD)";
    WCHAR text[256];
    WCHAR *sid;
    apr_status_t rv = own_sid(&sid);

    if (rv != APR_SUCCESS)
        return rv;
    (void)_snwprintf(text, 255, L"D:P(A;;GA;;;%ls)%ls", sid,
                     is_private ? L"" : everyone);
    text[255] = L'\0';
    (void)LocalFree(sid);
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(
            text, SDDL_REVISION_1, ret_descriptor, NULL))
        return last_error();
    return APR_SUCCESS;
}

static apr_status_t given_descriptor(const char *sddl,
                                     PSECURITY_DESCRIPTOR *ret_descriptor)
{
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorA(
            sddl, SDDL_REVISION_1, ret_descriptor, NULL))
        return last_error();
    return APR_SUCCESS;
}

/* ---- making the ends ---- */

apr_status_t pal__pipe_serve(pal__pipe_kind_t kind, const char *name,
                             const char *sddl, int is_private, int is_first,
                             int n_instances, HANDLE *ret_pipe)
{
    DWORD access = PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED;
    SECURITY_ATTRIBUTES attributes;
    path_t path;
    apr_status_t rv = make_path(&path, kind, name);
    HANDLE pipe;

    if (is_first)
        access |= FILE_FLAG_FIRST_PIPE_INSTANCE;
    memset(&attributes, 0, sizeof(attributes));
    attributes.nLength = sizeof(attributes);
    if (rv == APR_SUCCESS)
        rv = sddl == NULL
                 ? own_descriptor(is_private, &attributes.lpSecurityDescriptor)
                 : given_descriptor(sddl, &attributes.lpSecurityDescriptor);
    if (rv != APR_SUCCESS)
        return rv;
    pipe = CreateNamedPipeW(
        path.text, access,
        PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE | PIPE_REJECT_REMOTE_CLIENTS,
        (DWORD)n_instances, BUFFER_LEN, BUFFER_LEN, 0, &attributes);
    if (pipe == INVALID_HANDLE_VALUE)
        rv = last_error();
    (void)LocalFree(attributes.lpSecurityDescriptor);
    if (rv == APR_SUCCESS)
        *ret_pipe = pipe;
    return rv;
}

apr_status_t pal__pipe_connect(pal__pipe_kind_t kind, const char *name,
                               HANDLE *ret_pipe)
{
    DWORD mode = PIPE_READMODE_MESSAGE;
    path_t path;
    apr_status_t rv = make_path(&path, kind, name);
    HANDLE pipe;

    if (rv != APR_SUCCESS)
        return rv;
    /* Who serves the pipe is not to act in our name. */
    pipe = CreateFileW(
        path.text, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
        FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_ANONYMOUS,
        NULL);
    if (pipe == INVALID_HANDLE_VALUE)
        return last_error();
    if (!SetNamedPipeHandleState(pipe, &mode, NULL, NULL)) {
        rv = last_error();
        (void)CloseHandle(pipe);
        return rv;
    }
    *ret_pipe = pipe;
    return APR_SUCCESS;
}

int pal__pipe_is_served(pal__pipe_kind_t kind, const char *name)
{
    path_t path;

    return make_path(&path, kind, name) == APR_SUCCESS
           && (WaitNamedPipeW(path.text, 1)
               || GetLastError() == ERROR_SEM_TIMEOUT);
}

void pal__pipe_wait(pal__pipe_kind_t kind, const char *name, int timeout)
{
    path_t path;

    if (make_path(&path, kind, name) == APR_SUCCESS)
        (void)WaitNamedPipeW(path.text, (DWORD)timeout);
}

static apr_status_t random_name(char *name)
{
    unsigned char bytes[RANDOM_LEN];
    apr_status_t rv = apr_generate_random_bytes(bytes, sizeof(bytes));
    int i;

    if (rv != APR_SUCCESS)
        return rv;
    for (i = 0; i < RANDOM_LEN; i++)
        (void)snprintf(name + 2 * i, 3, "%02x", bytes[i]);
    return APR_SUCCESS;
}

apr_status_t pal__pipe_pair(pal__pipe_kind_t kind, pal_handle_t ret_ends[2])
{
    HANDLE server = INVALID_HANDLE_VALUE, client = INVALID_HANDLE_VALUE;
    char name[2 * RANDOM_LEN + 1];
    apr_status_t rv = random_name(name);

    if (rv == APR_SUCCESS)
        rv = pal__pipe_serve(kind, name, NULL, 1, 1, 1, &server);
    if (rv == APR_SUCCESS)
        rv = pal__pipe_connect(kind, name, &client);
    /* Nobody else can know the name; but it is cheap to be sure. */
    if (rv == APR_SUCCESS && !pal__pipe_is_ours(server))
        rv = APR_EACCES;
    if (rv != APR_SUCCESS) {
        if (server != INVALID_HANDLE_VALUE)
            (void)CloseHandle(server);
        if (client != INVALID_HANDLE_VALUE)
            (void)CloseHandle(client);
        return rv;
    }
    ret_ends[0] = (pal_handle_t)server;
    ret_ends[1] = (pal_handle_t)client;
    return APR_SUCCESS;
}

/* ---- looking at an end ---- */

int pal__pipe_is_ours(HANDLE pipe)
{
    ULONG server = 0, client = 0;
    ULONG self = GetCurrentProcessId();

    return GetNamedPipeServerProcessId(pipe, &server)
           && GetNamedPipeClientProcessId(pipe, &client) && server == self
           && client == self;
}

/* Does the name "\prefix..." begin with this prefix? */
static int has_prefix(const WCHAR *name, DWORD len, const char *prefix)
{
    size_t n = strlen(prefix);
    size_t i;

    if (len < n + 1 || name[0] != L'\\')
        return 0;
    for (i = 0; i < n; i++) {
        if (name[i + 1] != (WCHAR)prefix[i])
            return 0;
    }
    return 1;
}

apr_status_t pal__pipe_kind(pal_handle_t handle, pal__pipe_kind_t *ret_kind)
{
    union {
        FILE_NAME_INFO info;
        char room[sizeof(FILE_NAME_INFO) + MAX_PATH * sizeof(WCHAR)];
    } name;
    pal__pipe_kind_t kind = PAL__PIPE_OTHER;
    DWORD flags = 0;
    DWORD len;

    if (!pal__handle_is_plain(handle)
        || !GetHandleInformation((HANDLE)handle, &flags))
        return APR_EBADF;
    if (GetFileType((HANDLE)handle) == FILE_TYPE_PIPE
        && GetNamedPipeInfo((HANDLE)handle, &flags, NULL, NULL, NULL)
        && (flags & PIPE_TYPE_MESSAGE)
        && GetFileInformationByHandleEx((HANDLE)handle, FileNameInfo, &name,
                                        sizeof(name))) {
        len = name.info.FileNameLength / sizeof(WCHAR);
        if (has_prefix(name.info.FileName, len, prefixes[PAL__PIPE_CHANNEL]))
            kind = PAL__PIPE_CHANNEL;
        if (has_prefix(name.info.FileName, len, prefixes[PAL__PIPE_STREAM]))
            kind = PAL__PIPE_STREAM;
    }
    *ret_kind = kind;
    return APR_SUCCESS;
}
