/* Memory that is filled once, sealed, and handed to another process.
 *
 * Life cycle: pal_region_create, pal_region_write_at as often as needed (or
 * through a mapping, which is gone before the next step), pal_region_seal;
 * then the handle is sent. The receiver calls pal_region_check, and then
 * pal_region_read_at or pal_region_map.
 *
 * pal_region_read_at cannot fault, whatever the sender does to the memory
 * meanwhile. A mapping can: only what has passed pal_region_check, or is
 * one's own, may be mapped.
 *
 * On Linux a region is a memfd (memfd_create(2), seals: fcntl(2)
 * F_ADD_SEALS). Elsewhere, and with configure --disable-linux-native, it is
 * POSIX shared memory without a name (shm_open(3)), and nothing can be
 * sealed: the calls that need it return APR_ENOTIMPL. Who sends such a region
 * can change and shrink it at any time, so the receiver copies out what it
 * needs and looks only at the copy.
 *
 * On Windows it is a section of the page file: its size, rounded up to whole
 * pages, cannot change, and nothing can be sealed.
 *
 * Threads: any; one region by one thread at a time until it is sealed. */
#ifndef PAL_REGION_H
#define PAL_REGION_H

#include <pal/handle.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Mappings start at a multiple of this many bytes. */
#define PAL_REGION_UNIT 65536

/* Flags of pal_region_map: to read, or also to write. */
#define PAL_REGION_READ 1
#define PAL_REGION_WRITE 2

/* A region of `size` bytes, all zero. `name` is for people who look into
 * /proc; at most 200 bytes.
 * Ownership: *ret_region is the caller's.
 * Errors: APR_EMFILE, APR_ENOMEM, APR_ENOTIMPL where there is none. */
apr_status_t pal_region_create(const char *name, apr_off_t size,
                               pal_handle_t *ret_region);

/* Write `len` bytes at `offset`, within the size given at creation.
 * Errors: APR_EINVAL if they are not all within; EPERM if it is sealed. */
apr_status_t pal_region_write_at(pal_handle_t region, apr_off_t offset,
                                 const void *data, apr_size_t len);

/* From now on nobody can write, shrink, grow or unseal it.
 * Errors: EBUSY while it is mapped to be written, APR_ENOTIMPL where
 * there are no seals: it is as it was, and may be sent all the same. */
apr_status_t pal_region_seal(pal_handle_t region);

/* Check a region that came from someone else: sealed against everything,
 * and backed by ordinary pages. *ret_size is its size.
 * Errors: PAL_E_KIND if it is no region, PAL_E_SEALS if a seal is missing,
 * APR_ENOTIMPL if it is a region but there are no seals here (its size is
 * that of pal_file_size, for the moment). */
apr_status_t pal_region_check(pal_handle_t region, apr_off_t *ret_size);

/* Copy `len` bytes at `offset` out. Errors: APR_EOF if they are not all
 * there; `buf` may have been written to then. */
apr_status_t pal_region_read_at(pal_handle_t region, apr_off_t offset,
                                void *buf, apr_size_t len);

/* Map `len` bytes, at least 1, from `offset` on, a multiple of
 * PAL_REGION_UNIT; all of them within the region. What is written to the
 * region after it was mapped to be read may or may not be seen.
 * Ownership: *ret_address is the caller's, until pal_region_unmap; the handle
 * may be closed before.
 * Errors: APR_EINVAL; APR_EACCES or EPERM if it is to be written and cannot
 * be, as when it is sealed. */
apr_status_t pal_region_map(pal_handle_t region, apr_off_t offset,
                            apr_size_t len, int flags, void **ret_address);

/* Undo pal_region_map; `len` as there. */
apr_status_t pal_region_unmap(void *address, apr_size_t len);

#ifdef __cplusplus
}
#endif
#endif
