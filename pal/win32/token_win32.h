/* What a child is born without. */
#ifndef PAL_TOKEN_WIN32_H
#define PAL_TOKEN_WIN32_H

#include "../process_private.h"

#include <windows.h>

/* For a command with no_new_privs or layers of Windows: a token, the
 * mitigations, and the policy about children; what is not asked for is left
 * alone. */
apr_status_t pal__token_make(const pal_command_t *command, HANDLE *ret_token,
                             DWORD64 *ret_mitigations,
                             DWORD *ret_child_policy);

/* Let a token have low integrity, from which nothing of the user's can be
 * written to. */
apr_status_t pal__token_lower(HANDLE token);

#endif
