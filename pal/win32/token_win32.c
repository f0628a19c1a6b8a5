#include "config.h"

#include "token_win32.h"

#include <pal/privilege.h>

#include <windows.h>

/* Values that not all headers of the system have. */
#define DEP_ENABLE 0x01ull
#define ASLR_FORCE (0x01ull << 8)
#define HEAP_TERMINATE (0x01ull << 12)
#define STRICT_HANDLES (0x01ull << 24)
#define NO_EXTENSION_POINTS (0x01ull << 32)
#define NO_REMOTE_IMAGES (0x01ull << 52)
#define NO_LOW_IMAGES (0x01ull << 56)
#define CHILDREN_RESTRICTED 0x01

#define MITIGATIONS                                                           \
    (DEP_ENABLE | ASLR_FORCE | HEAP_TERMINATE | STRICT_HANDLES                \
     | NO_EXTENSION_POINTS | NO_REMOTE_IMAGES | NO_LOW_IMAGES)

apr_status_t pal__token_lower(HANDLE token)
{
    SID_IDENTIFIER_AUTHORITY authority = SECURITY_MANDATORY_LABEL_AUTHORITY;
    TOKEN_MANDATORY_LABEL label;
    apr_status_t rv = APR_SUCCESS;
    PSID low;

    if (!AllocateAndInitializeSid(&authority, 1, SECURITY_MANDATORY_LOW_RID, 0,
                                  0, 0, 0, 0, 0, 0, &low))
        return apr_get_os_error();
    label.Label.Sid = low;
    label.Label.Attributes = SE_GROUP_INTEGRITY;
    if (!SetTokenInformation(token, TokenIntegrityLevel, &label,
                             (DWORD)sizeof(label) + GetLengthSid(low)))
        rv = apr_get_os_error();
    (void)FreeSid(low);
    return rv;
}

/* The token of this process without its privileges. */
static apr_status_t make_token(int is_low, HANDLE *ret_token)
{
    const DWORD rights = TOKEN_DUPLICATE | TOKEN_QUERY | TOKEN_ASSIGN_PRIMARY
                         | TOKEN_ADJUST_DEFAULT;
    apr_status_t rv = APR_SUCCESS;
    HANDLE own, token;

    if (!OpenProcessToken(GetCurrentProcess(), rights, &own))
        return apr_get_os_error();
    if (!CreateRestrictedToken(own, DISABLE_MAX_PRIVILEGE, 0, NULL, 0, NULL, 0,
                               NULL, &token))
        rv = apr_get_os_error();
    (void)CloseHandle(own);
    if (rv != APR_SUCCESS)
        return rv;
    if (is_low)
        rv = pal__token_lower(token);
    if (rv != APR_SUCCESS) {
        (void)CloseHandle(token);
        return rv;
    }
    *ret_token = token;
    return APR_SUCCESS;
}

apr_status_t pal__token_make(const pal_command_t *command, HANDLE *ret_token,
                             DWORD64 *ret_mitigations, DWORD *ret_child_policy)
{
    int is_low = (command->windows & PAL_WINDOWS_LOW_INTEGRITY) != 0;
    apr_status_t rv = APR_SUCCESS;

    if (command->no_new_privs || is_low)
        rv = make_token(is_low, ret_token);
    if (rv != APR_SUCCESS)
        return rv;
    if ((command->windows & PAL_WINDOWS_MITIGATIONS) != 0)
        *ret_mitigations = MITIGATIONS;
    if ((command->windows & PAL_WINDOWS_NO_CHILDREN) != 0)
        *ret_child_policy = CHILDREN_RESTRICTED;
    return APR_SUCCESS;
}
