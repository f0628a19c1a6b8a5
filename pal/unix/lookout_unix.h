/* A thread that waits for descriptors on behalf of a loop that is hosted by a
 * foreign one, where the poller has no descriptor of its own to be waited
 * for.
 *
 * Life cycle: create; for each wait of the foreign loop start, and stop when
 * that has come back; destroy. Threads: the loop's. */
#ifndef PAL_LOOKOUT_UNIX_H
#define PAL_LOOKOUT_UNIX_H

#include <apr_errno.h>

#include <poll.h>

typedef struct pal__lookout_t pal__lookout_t;

apr_status_t pal__lookout_create(pal__lookout_t **ret_lookout);
void pal__lookout_destroy(pal__lookout_t **lookout);

/* What becomes readable when one of those waited for is ready. */
int pal__lookout_fd(const pal__lookout_t *lookout);

/* Room for `n` descriptors to be filled in before a start, NULL without
 * memory. Stopped only. */
struct pollfd *pal__lookout_room(pal__lookout_t *lookout, apr_size_t n);

/* Wait for the first `n` of them. Stopped only. */
void pal__lookout_start(pal__lookout_t *lookout, apr_size_t n);

/* Wait no more; nothing happens if it is stopped. */
void pal__lookout_stop(pal__lookout_t *lookout);

#endif
