#include "config.h"

#include "machine.h"

#include <windows.h>

/* pal gives the numbers that Unix has; the C library only its exit code. */
const outcome_t outcome_killed = {-1, 9};
const outcome_t outcome_aborted = {-1, 6};
const outcome_t outcome_abort = {3, 0};

int machine_limits_memory(void)
{
    return GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version")
           == NULL;
}
