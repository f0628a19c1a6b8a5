/* What the harness needs from the system: open descriptors, children, memory
 * left behind, and an end to a case that hangs. One implementation a
 * platform, in tests/unix and so on.
 *
 * Threads: main. */
#ifndef TESTS_LEAKS_H
#define TESTS_LEAKS_H

#include <apr_pools.h>

/* Open descriptors as of now. */
typedef struct leaks_t leaks_t;
leaks_t *leaks_snapshot(apr_pool_t *pool);

/* Print what is open now and was not in `before`, children of this process
 * (which are killed and reaped), and unreachable memory where a sanitizer can
 * tell. Returns how many of these there are. */
int leaks_report(const leaks_t *before, apr_pool_t *pool);

/* Unless disarmed within `seconds`, print `message` and end the process with
 * status 1. No thread is made: cases may count theirs. `message` must stay. */
void deadline_arm(int seconds, const char *message);
void deadline_disarm(void);

#endif
