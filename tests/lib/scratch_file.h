/* Files without a name that hold exactly what was written, which a region does
 * not on Windows: its size is whole pages. */
#ifndef TESTS_SCRATCH_FILE_H
#define TESTS_SCRATCH_FILE_H

#include <pal/handle.h>

#include <apr_pools.h>

/* A file with these bytes, to be read from the first. `scratch`: only used
 * inside.
 * Ownership: *ret_file is the caller's. */
apr_status_t scratch_file(const void *data, apr_size_t len,
                          pal_handle_t *ret_file, apr_pool_t *scratch);

#endif
