#include "config.h"

#include <pal/status.h>

#include <apr_strings.h>

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

    if (len == 0)
        return buf;
    if (text == NULL)
        return apr_strerror(status, buf, len);
    (void)apr_cpystrn(buf, text, len);
    return buf;
}
