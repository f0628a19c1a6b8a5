/* Running this very program as a child, from the cases of a test: what it
 * then does is in child.h. Everything is asserted. Threads: main. */
#ifndef TESTS_LAUNCH_H
#define TESTS_LAUNCH_H

#include <pal/process.h>

/* A command for the own executable with the argument `name`, and one more. */
pal_command_t *launch_command(const char *name);
pal_command_t *launch_command_with(const char *name, const char *arg);

pal_process_t *launch_start(pal_command_t *command);

/* Wait for the end, close, and return the exit code, or minus the signal. */
int launch_finish(pal_process_t *process);

/* All that the child says on stdout, until it ends with 0. Overwritten by the
 * next call. */
const char *launch_output(pal_command_t *command);

/* `number` as text, from the pool of the case. */
const char *launch_number(int number);

/* Assert that the launch fails so, and leaves nothing. */
void launch_failure(pal_command_t *command, apr_status_t status,
                    pal_step_t step);

#endif
