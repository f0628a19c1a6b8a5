/* Which file a command runs. */
#ifndef PAL_PROGRAM_WIN32_H
#define PAL_PROGRAM_WIN32_H

#include "../process_private.h"

#include <windows.h>

/* The path of the program, to be freed: full, or from the child's folder on.
 * Errors: APR_ENOENT; ENOEXEC: it is a batch file, which is no program but
 * text for a shell that has quoting rules of its own. */
apr_status_t pal__program_find(WCHAR **ret_path, const pal_command_t *command,
                               char *const *envp);

/* The path of the file or folder that `handle` is open on, to be freed. */
apr_status_t pal__program_of_handle(WCHAR **ret_path, pal_handle_t handle);

#endif
