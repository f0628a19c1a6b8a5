/* Handles of the operating system: a descriptor on Unix, a HANDLE on Windows.
 *
 * Every handle that pal makes is born private: close-on-exec, not
 * inheritable. A child gets exactly the handles listed at its launch
 * (process.h), by number, and no others.
 *
 * A handle has one owner. A call that takes a handle over gets a pointer to
 * the owner's variable and sets it to PAL_HANDLE_NONE exactly when it took
 * it, so closing the variable at the end is right on every path.
 *
 * Threads: any; one handle variable by one thread at a time. */
#ifndef PAL_HANDLE_H
#define PAL_HANDLE_H

#include <apr_errno.h>

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The value is the descriptor or the HANDLE itself. */
typedef intptr_t pal_handle_t;
#define PAL_HANDLE_NONE ((pal_handle_t)-1)

typedef enum {
    PAL_HANDLE_OTHER,
    PAL_HANDLE_FILE, /* regular file */
    PAL_HANDLE_FOLDER,
    PAL_HANDLE_PIPE,
    PAL_HANDLE_CHANNEL, /* end of a channel or stream (channel.h, stream.h) */
    PAL_HANDLE_REGION   /* memory region (region.h) */
} pal_handle_kind_t;

/* Close *handle and set it to PAL_HANDLE_NONE. Nothing happens for NONE. */
void pal_handle_close(pal_handle_t *handle);

/* Another handle for the same open object. It shares file offset and status
 * flags with the first.
 * Ownership: *ret_handle is the caller's. */
apr_status_t pal_handle_dup(pal_handle_t handle, pal_handle_t *ret_handle);

/* Take over a handle that this process inherited or got from other code: it
 * is checked to be open and made private.
 * Errors: APR_EBADF if there is no such handle. */
apr_status_t pal_handle_adopt(intptr_t value, pal_handle_t *ret_handle);

/* What kind of object the handle names. Errors: APR_EBADF. */
apr_status_t pal_handle_kind(pal_handle_t handle, pal_handle_kind_t *ret_kind);

/* Both ends of a byte pipe, blocking: [0] to read, [1] to write.
 * Ownership: both are the caller's. */
apr_status_t pal_handle_pipe(pal_handle_t ret_ends[2]);

#ifdef __cplusplus
}
#endif
#endif
