/* The handles of a child that is launched.
 *
 * Windows passes on what is marked as inheritable; of these only what is on a
 * list, and everything if there is no list. So the handles are marked for the
 * moment of the launch, one launch at a time, and each launch has a list.
 * Code that starts processes without pal, with inheritance and without a
 * list, may get such a handle too, if it does so in that moment. */
#ifndef PAL_INHERIT_WIN32_H
#define PAL_INHERIT_WIN32_H

#include "../process_private.h"

#include <windows.h>

typedef struct pal__inherit_t {
    HANDLE handles[PAL_COMMAND_MAX_HANDLES];          /* each once */
    unsigned char is_marked[PAL_COMMAND_MAX_HANDLES]; /* by us */
    int n;
    HANDLE stdio[PAL__N_STDIO];
    HANDLE made[PAL__N_STDIO + 1]; /* to be closed after the launch */
    int n_made;
} pal__inherit_t;

/* Fill what is all zero. Our sides of pipes come in `pipes`, and stay there
 * on failure too.
 * Errors: APR_EBADF: a handle of the command is not open. */
apr_status_t pal__inherit_fill(pal__inherit_t *inherit,
                               const pal_command_t *command,
                               pal_handle_t *pipes);

/* Mark all handles, and keep other launches waiting until the end; nothing of
 * that is left on failure. */
apr_status_t pal__inherit_begin(pal__inherit_t *inherit);
void pal__inherit_end(pal__inherit_t *inherit);

void pal__inherit_release(pal__inherit_t *inherit);

#endif
