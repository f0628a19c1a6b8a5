#include "config.h"

#include <pal/pal.h>

#include <apr_general.h>

/* libapr counts by itself, also the calls of other users in this process. */

apr_status_t pal_initialize(void)
{
    return apr_initialize();
}

void pal_terminate(void)
{
    apr_terminate();
}
