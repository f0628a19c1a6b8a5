/* One run of `meshdemo check`. */
#ifndef RUN_H
#define RUN_H

#include "options.h"

#include <apr_pools.h>

/* Check what the options say. Returns the exit code of the program. */
int run_check(const options_t *options, apr_pool_t *pool);

#endif
