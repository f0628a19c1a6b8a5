#include "config.h"

#include <pal/status.h>

#include <apr_strings.h>

#include <string.h>

static const char *text_of(apr_status_t status)
{
#define ROW(name, n, text)                                                    \
    case name:                                                                \
        return text;

    switch (status) {
        PAL_STATUS_MAP(ROW)
    default:
        return NULL;
    }
#undef ROW
}

char *pal_status_text(apr_status_t status, char *buf, apr_size_t len)
{
    const char *text = text_of(status);
    apr_size_t used;

    if (len == 0)
        return buf;
    if (text != NULL) {
        (void)apr_cpystrn(buf, text, len);
        return buf;
    }
    (void)apr_strerror(status, buf, len);
    /* The texts of Windows end in blanks. */
    for (used = strlen(buf); used > 0 && buf[used - 1] == ' '; used--)
        buf[used - 1] = '\0';
    return buf;
}
