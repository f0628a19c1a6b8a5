/* Memory that is filled once, sealed, and handed to another process.
 *
 * Life cycle: pal_region_create, pal_region_write_at as often as needed,
 * pal_region_seal; then the handle is sent. The receiver calls
 * pal_region_check and then pal_region_read_at: it never maps what it got, so
 * a hostile sender cannot make it fault. On Linux a region is a memfd
 * (memfd_create(2), seals: fcntl(2) F_ADD_SEALS).
 *
 * Threads: any; one region by one thread at a time until it is sealed. */
#ifndef PAL_REGION_H
#define PAL_REGION_H

#include <pal/handle.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A region of `size` bytes, all zero. `name` is for people who look into
 * /proc; at most 200 bytes.
 * Ownership: *ret_region is the caller's.
 * Errors: APR_EMFILE, APR_ENOMEM, APR_ENOTIMPL where there is none. */
apr_status_t pal_region_create(const char *name, apr_off_t size,
                               pal_handle_t *ret_region);

/* Write `len` bytes at `offset`, within the size given at creation. */
apr_status_t pal_region_write_at(pal_handle_t region, apr_off_t offset,
                                 const void *data, apr_size_t len);

/* From now on nobody can write, shrink, grow or unseal it. */
apr_status_t pal_region_seal(pal_handle_t region);

/* Check a region that came from someone else: sealed against everything,
 * and backed by ordinary pages. *ret_size is its size.
 * Errors: PAL_E_KIND if it is no region, PAL_E_SEALS if a seal is missing. */
apr_status_t pal_region_check(pal_handle_t region, apr_off_t *ret_size);

/* Copy `len` bytes at `offset` out. Errors: APR_EOF if they are not all
 * there. */
apr_status_t pal_region_read_at(pal_handle_t region, apr_off_t offset,
                                void *buf, apr_size_t len);

#ifdef __cplusplus
}
#endif
#endif
