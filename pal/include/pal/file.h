/* Files for programs that open what others name: below a folder handle,
 * without following links, and only what can be read without surprises.
 *
 * On Windows names are UTF-8, a name that leads to a device or a pipe is
 * PAL_E_KIND, and pal_file_read_at moves the handle's own offset.
 *
 * The calls may block on a slow file system: run them on a thread that may
 * wait. Names are bytes. Threads: any. */
#ifndef PAL_FILE_H
#define PAL_FILE_H

#include <apr_pools.h>
#include <apr_tables.h>

#include <pal/handle.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    PAL_FILE_REGULAR,
    PAL_FILE_FOLDER,
    PAL_FILE_LINK, /* symbolic link: seen by pal_folder_list only */
    PAL_FILE_OTHER /* device, FIFO, socket */
} pal_file_kind_t;

/* One entry of a folder. */
typedef struct pal_folder_entry_t {
    const char *name;
    pal_file_kind_t kind;
} pal_folder_entry_t;

/* Open `path` for reading; links in the path are followed, as the user who
 * named it expects. What it is comes back in *ret_kind; a device, FIFO or
 * socket is never opened in a way that waits or has effects: for these the
 * status is PAL_E_KIND.
 * Ownership: *ret_handle is the caller's. */
apr_status_t pal_file_open(const char *path, pal_handle_t *ret_handle,
                           pal_file_kind_t *ret_kind);

/* The same for `path`, relative to and below `folder`: components with single
 * separators between them, none of them "." or "..", else APR_EINVAL. No link
 * is followed, wherever in the path: PAL_E_KIND. So whoever writes to the
 * folder meanwhile can only choose among the files below it.
 * Errors: APR_ENAMETOOLONG also for more than 4095 bytes. */
apr_status_t pal_file_open_beneath(pal_handle_t folder, const char *path,
                                   pal_handle_t *ret_handle,
                                   pal_file_kind_t *ret_kind);

/* All entries of a folder but "." and "..", sorted by the bytes of their
 * names, as an array of pal_folder_entry_t from `pool`. */
apr_status_t pal_folder_list(pal_handle_t folder,
                             apr_array_header_t **ret_entries,
                             apr_pool_t *pool);

/* Read up to `len` bytes at `offset`; the handle's own offset is neither used
 * nor moved. *ret_len is 0 at the end of the file. */
apr_status_t pal_file_read_at(pal_handle_t file, apr_off_t offset, void *buf,
                              apr_size_t len, apr_size_t *ret_len);

/* Read from, or write all to, the handle's own offset (also pipes). Blocks.
 * Reading: *ret_len is 0 at the end. Writing where nobody can read any more
 * raises SIGPIPE as write(2) does. */
apr_status_t pal_file_read(pal_handle_t file, void *buf, apr_size_t len,
                           apr_size_t *ret_len);
apr_status_t pal_file_write(pal_handle_t file, const void *buf,
                            apr_size_t len);

/* Size of a regular file or region, in bytes. */
apr_status_t pal_file_size(pal_handle_t file, apr_off_t *ret_size);

#ifdef __cplusplus
}
#endif
#endif
