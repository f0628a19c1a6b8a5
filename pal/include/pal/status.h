/* Status codes of pal.
 *
 * Every call that can fail returns an apr_status_t: APR_SUCCESS, a code of
 * the operating system, a code of APR, or one of the codes below. Compare
 * codes of APR and of the system with APR's own macros (APR_STATUS_IS_EAGAIN
 * and the like), the ones below by value.
 *
 * Threads: any. */
#ifndef PAL_STATUS_H
#define PAL_STATUS_H

#include <apr_errno.h>

#ifdef __cplusplus
extern "C" {
#endif

/* First code of pal; the range is 1000 codes long. */
#define PAL_E_START (APR_OS_START_USERERR + 46000)

/* One row a code: name, distance from PAL_E_START, text. Rows are only ever
 * added at the end. */
#define PAL_STATUS_MAP(ROW)                                                   \
    ROW(PAL_E_TRUNCATED, 1, "packet is longer than the buffer")               \
    ROW(PAL_E_HANDLES_LOST, 2, "handles of a packet could not be received")   \
    ROW(PAL_E_IN_FLIGHT, 3, "too many handles in flight")                     \
    ROW(PAL_E_KIND, 4, "handle is of the wrong kind")                         \
    ROW(PAL_E_REENTRANT, 5, "loop is already running on this thread")         \
    ROW(PAL_E_STARTED, 6, "process was started already")                      \
    ROW(PAL_E_RUNNING, 7, "process is still running")                         \
    ROW(PAL_E_THREADS, 8, "process has more than one thread")                 \
    ROW(PAL_E_SEALS, 9, "memory region is not sealed as required")            \
    ROW(PAL_E_LIMIT, 10, "a limit of the library was reached")                \
    ROW(PAL_E_KEEPER, 11, "job has no keeper")                                \
    ROW(PAL_E_FRAMING, 12, "other end does not keep to the framing")

#define PAL_STATUS_ENUM(name, n, text) name = PAL_E_START + (n),
typedef enum { PAL_STATUS_MAP(PAL_STATUS_ENUM) PAL_E_END } pal_status_code_t;

/* Text for any status: pal's own, else APR's. Writes at most `len` bytes,
 * always terminated if len > 0. Returns `buf`. */
char *pal_status_text(apr_status_t status, char *buf, apr_size_t len);

#ifdef __cplusplus
}
#endif
#endif
