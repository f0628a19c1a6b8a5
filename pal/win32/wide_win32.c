#include "config.h"

#include "wide_win32.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

apr_status_t pal__wide(WCHAR **ret_wide, const char *text)
{
    apr_size_t size = strlen(text) + 1; /* never more units than bytes */
    WCHAR *wide;

    if (size > INT_MAX)
        return APR_EINVAL;
    wide = malloc(size * sizeof(*wide));
    if (wide == NULL)
        return APR_ENOMEM;
    if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, (int)size,
                            wide, (int)size)
        == 0) {
        free(wide);
        return APR_EINVAL;
    }
    *ret_wide = wide;
    return APR_SUCCESS;
}

apr_status_t pal__narrow(char **ret_text, const WCHAR *wide, apr_size_t len,
                         apr_pool_t *pool)
{
    apr_size_t size = 3 * len; /* a pair has 4 bytes */
    char *text;
    int n = 0;

    if (size >= INT_MAX)
        return APR_EINVAL;
    text = pool != NULL ? apr_palloc(pool, size + 1) : malloc(size + 1);
    if (text == NULL)
        return APR_ENOMEM;
    if (len > 0)
        n = WideCharToMultiByte(CP_UTF8, 0, wide, (int)len, text, (int)size,
                                NULL, NULL);
    text[n] = '\0';
    *ret_text = text;
    return APR_SUCCESS;
}
