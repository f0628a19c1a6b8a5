/* Sections of the page file: what regions are. */
#ifndef PAL_SECTION_WIN32_H
#define PAL_SECTION_WIN32_H

#include <apr_errno.h>

#include <pal/handle.h>

/* The size of a section, in bytes, rounded up to whole pages; it cannot
 * change.
 * Errors: PAL_E_KIND if it is none, or not of the page file; APR_EBADF.
 * Threads: any. */
apr_status_t pal__section_size(pal_handle_t handle, apr_off_t *ret_size);

#endif
