/* What launch_win32.c, which starts a child, and process_win32.c, which
 * follows it, share. */
#ifndef PAL_PROCESS_WIN32_H
#define PAL_PROCESS_WIN32_H

#include "../process_private.h"

#include <pal/process.h>

#include <windows.h>

/* Windows has no signals: a process that pal ends has this exit code, with
 * the number of the signal that does the same on Unix. It is of the range
 * left to programs, and no program is known that uses it. */
#define PAL__SIGNAL_CODE 0xE0506100u
#define PAL__SIGNAL_MASK 0xFFFFFF00u
#define PAL__SIGKILL 9
#define PAL__SIGABRT 6

struct pal_process_t {
    HANDLE handle;
    DWORD pid;
    int is_attached;
    int has_ended;
    int exit_code;
    int exit_signal;
    apr_interval_time_t user_time, system_time;
    apr_uint64_t peak_memory;
    unsigned int held; /* a bit for each step */
    pal_handle_t pipes[PAL__N_STDIO];
    pal_watch_t *watch;
    pal_process_fn_t fn;
    void *baton;
};

/* A process without a handle yet; NULL without memory. */
pal_process_t *pal__process_new(void);

/* Close what it has, and free it. */
void pal__process_free(pal_process_t *process);

#endif
