#include "config.h"

#include <pal/version.h>

#define TEXT_OF(number) #number
#define DOTTED(major, minor, patch)                                           \
    TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

const char *pal_version(void)
{
    return DOTTED(PAL_VERSION_MAJOR, PAL_VERSION_MINOR, PAL_VERSION_PATCH);
}
