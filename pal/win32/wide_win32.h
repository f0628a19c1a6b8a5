/* Between the UTF-8 of pal and the UTF-16 of Windows.
 *
 * Threads: any. */
#ifndef PAL_WIDE_WIN32_H
#define PAL_WIDE_WIN32_H

#include <apr_errno.h>
#include <apr_pools.h>

#include <windows.h>

/* The same text, to be freed by the caller.
 * Errors: APR_EINVAL if it is not UTF-8, APR_ENOMEM. */
apr_status_t pal__wide(WCHAR **ret_wide, const char *text);

/* The first `len` units of `wide` from `pool`, or with free by the caller if
 * that is NULL. Halves of pairs become U+FFFD. Errors: APR_ENOMEM. */
apr_status_t pal__narrow(char **ret_text, const WCHAR *wide, apr_size_t len,
                         apr_pool_t *pool);

#endif
