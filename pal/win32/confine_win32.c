#include "config.h"

#include "../confine_private.h"
#include "token_win32.h"

#include <pal/confine.h>

#include <stdlib.h>

#include <windows.h>

/* All layers are of the whole process here, so other threads do not matter.
 *
 * Nothing closes the file system from inside: low integrity, which is what
 * there is, still lets a process read what its user can. So that is done, but
 * the layer is not said to hold. */

/* Policies as SetProcessMitigationPolicy numbers them; each is a word of
 * flags. */
static const struct {
    int policy;
    DWORD flags;
} policies[] = {
    {2, 0x1},  /* no code but that of images */
    {3, 0x3},  /* bad handles end the process */
    {6, 0x1},  /* no extension points */
    {10, 0x3}, /* no images from elsewhere or of low integrity */
    {13, 0x1}, /* no children */
};

int pal_confine_offers(pal_confine_layer_t layer)
{
    return layer == PAL_CONFINE_NO_NEW_PRIVS || layer == PAL_CONFINE_SYSCALLS;
}

/* Remove all privileges for good, but the one that everybody has, which file
 * names are looked up by. */
static apr_status_t drop_privileges(HANDLE token)
{
    TOKEN_PRIVILEGES *privileges;
    apr_status_t rv = APR_SUCCESS;
    DWORD size = 0, i;
    LUID kept;

    if (!LookupPrivilegeValueW(NULL, L"SeChangeNotifyPrivilege", &kept))
        return apr_get_os_error();
    (void)GetTokenInformation(token, TokenPrivileges, NULL, 0, &size);
    privileges = malloc(size);
    if (privileges == NULL)
        return APR_ENOMEM;
    if (!GetTokenInformation(token, TokenPrivileges, privileges, size, &size))
        rv = apr_get_os_error();
    for (i = 0; rv == APR_SUCCESS && i < privileges->PrivilegeCount; i++)
        if (privileges->Privileges[i].Luid.LowPart != kept.LowPart)
            privileges->Privileges[i].Attributes = SE_PRIVILEGE_REMOVED;
    if (rv == APR_SUCCESS
        && !AdjustTokenPrivileges(token, FALSE, privileges, 0, NULL, NULL))
        rv = apr_get_os_error();
    free(privileges);
    return rv;
}

static apr_status_t close_token(apr_status_t (*change)(HANDLE token))
{
    apr_status_t rv;
    HANDLE token;

    if (!OpenProcessToken(GetCurrentProcess(),
                          TOKEN_QUERY | TOKEN_ADJUST_PRIVILEGES
                              | TOKEN_ADJUST_DEFAULT,
                          &token))
        return apr_get_os_error();
    rv = change(token);
    (void)CloseHandle(token);
    return rv;
}

static apr_status_t close_privileges(void)
{
    return close_token(drop_privileges);
}

static apr_status_t close_files(void)
{
    apr_status_t rv = close_token(pal__token_lower);

    return rv == APR_SUCCESS ? APR_ENOTIMPL : rv;
}

static apr_status_t close_syscalls(void)
{
    DWORD flags;
    int i;

    for (i = 0; i < (int)(sizeof(policies) / sizeof(policies[0])); i++) {
        flags = policies[i].flags;
        if (!SetProcessMitigationPolicy(
                (PROCESS_MITIGATION_POLICY)policies[i].policy, &flags,
                sizeof(flags)))
            return apr_get_os_error();
    }
    return APR_SUCCESS;
}

apr_status_t pal__confine_begin(void)
{
    return APR_SUCCESS;
}

apr_status_t pal__confine_layer(pal_confine_layer_t layer)
{
    switch (layer) {
    case PAL_CONFINE_NO_NEW_PRIVS:
        return close_privileges();
    case PAL_CONFINE_FILES:
        return close_files();
    case PAL_CONFINE_SYSCALLS:
        return close_syscalls();
    }
    return APR_ENOTIMPL;
}
