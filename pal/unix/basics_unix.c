#include "config.h"

#include "../pal_private.h"

#include <assert.h>
#include <stdint.h>

#include <pthread.h>
#include <sched.h>
#include <time.h>

apr_time_t pal__clock_now(void)
{
    struct timespec now;
    int rc = clock_gettime(CLOCK_MONOTONIC, &now);

    assert(rc == 0);
    (void)rc;
    /* The clock starts at 0 with the machine, or with a time namespace. */
    return (apr_time_t)now.tv_sec * APR_USEC_PER_SEC + now.tv_nsec / 1000 + 1;
}

apr_uint64_t pal__thread_self(void)
{
    return (apr_uint64_t)(uintptr_t)pthread_self();
}

void pal__thread_yield(void)
{
    (void)sched_yield();
}
