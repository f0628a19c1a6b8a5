/* The environment of a child as CreateProcessW takes it. */
#ifndef PAL_BLOCK_WIN32_H
#define PAL_BLOCK_WIN32_H

#include <apr_errno.h>

#include <windows.h>

/* A block of these "NAME=value" strings, to be freed: sorted by name, each
 * name once whatever the case of its letters, the last one of a name taken.
 * Errors: APR_EINVAL: not UTF-8; E2BIG: a string of more than 32767 units. */
apr_status_t pal__block_make(WCHAR **ret_block, char *const *envp);

#endif
