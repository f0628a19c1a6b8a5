#include "config.h"

#include <mesh/status.h>
#include <mesh/version.h>

#include <pal/status.h>

#include <apr_strings.h>

#define VERSION_TEXT(n) VERSION_TEXT_OF(n)
#define VERSION_TEXT_OF(n) #n

#define STATUS_CASE(name, n, text)                                            \
    case name:                                                                \
        return text;

static const char *own_text(apr_status_t status)
{
    switch (status) {
        MESH_STATUS_MAP(STATUS_CASE)
    default:
        return NULL;
    }
}

char *mesh_status_text(apr_status_t status, char *buf, apr_size_t len)
{
    const char *text = own_text(status);

    if (!text)
        return pal_status_text(status, buf, len);
    if (len > 0)
        apr_cpystrn(buf, text, len);
    return buf;
}

const char *mesh_version(void)
{
    return VERSION_TEXT(MESH_VERSION_MAJOR) "." VERSION_TEXT(
        MESH_VERSION_MINOR) "." VERSION_TEXT(MESH_VERSION_PATCH);
}
