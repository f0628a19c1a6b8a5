#include "config.h"

#include "../pal_private.h"

#include <windows.h>

apr_time_t pal__clock_now(void)
{
    LARGE_INTEGER now, frequency; /* neither call fails since Windows XP */
    apr_time_t seconds, ticks;

    (void)QueryPerformanceFrequency(&frequency);
    (void)QueryPerformanceCounter(&now);
    seconds = now.QuadPart / frequency.QuadPart;
    ticks = now.QuadPart % frequency.QuadPart;
    /* The counter starts at 0 with the machine. */
    return seconds * APR_USEC_PER_SEC
           + ticks * APR_USEC_PER_SEC / frequency.QuadPart + 1;
}

apr_uint64_t pal__thread_self(void)
{
    return GetCurrentThreadId();
}

void pal__thread_yield(void)
{
    (void)SwitchToThread();
}
