#include "config.h"

#include "launch.h"

#include "harness.h"

#include <pal/pal.h>

#include <apr_strings.h>

#include <stdio.h>

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

pal_command_t *launch_command(const char *name)
{
    pal_command_t *command;

    TEST_OK(pal_command_create(&command, test_pool()));
    TEST_OK(pal_command_self_set(command));
    TEST_OK(pal_command_arg_add(command, name));
    return command;
}

pal_command_t *launch_command_with(const char *name, const char *arg)
{
    pal_command_t *command = launch_command(name);

    TEST_OK(pal_command_arg_add(command, arg));
    return command;
}

pal_process_t *launch_start(pal_command_t *command)
{
    pal_process_t *process = NULL;
    apr_status_t rv = pal_process_start(&process, command);

    if (rv != APR_SUCCESS)
        fprintf(stderr, "step: %s\n",
                pal_step_name(pal_command_failed_step(command)));
    TEST_OK(rv);
    CU_ASSERT_EQUAL(pal_command_failed_step(command), PAL_STEP_NONE);
    return process;
}

int launch_finish(pal_process_t *process)
{
    int code;

    TEST_OK(pal_process_wait(process, -1));
    CU_ASSERT_TRUE(pal_process_has_ended(process));
    code = pal_process_exit_code(process);
    if (code < 0)
        code = -pal_process_exit_signal(process);
    pal_process_close(&process);
    CU_ASSERT_PTR_NULL(process);
    return code;
}

/* All that comes from a handle until its end. */
static const char *read_all(pal_handle_t handle)
{
    static char text[64 << 10];
    size_t used = 0;
    ssize_t n;

    do {
        n = read((int)handle, text + used, sizeof(text) - 1 - used);
        used += n > 0 ? (size_t)n : 0;
    } while (n > 0 || (n < 0 && errno == EINTR));
    text[used] = '\0';
    return text;
}

const char *launch_output(pal_command_t *command)
{
    pal_command_t *copy;
    pal_handle_t ends[2];
    pal_process_t *process;
    const char *text;
    int code;

    TEST_OK(pal_handle_pipe(ends));
    TEST_OK(pal_command_copy(&copy, command, test_pool()));
    TEST_OK(pal_command_handle_add(copy, ends[1], 1));
    process = launch_start(copy);
    pal_handle_close(&ends[1]);
    text = read_all(ends[0]);
    pal_handle_close(&ends[0]);
    code = launch_finish(process);
    CU_ASSERT_EQUAL(code, 0);
    if (code != 0)
        fprintf(stderr, "child: %s\n", text);
    return text;
}

const char *launch_number(int number)
{
    return apr_itoa(test_pool(), number);
}

void launch_failure(pal_command_t *command, apr_status_t status,
                    pal_step_t step)
{
    pal_process_t *process = NULL;
    apr_status_t rv = pal_process_start(&process, command);

    CU_ASSERT_EQUAL(rv, status);
    CU_ASSERT_PTR_NULL(process);
    CU_ASSERT_EQUAL(pal_command_failed_step(command), step);
    if (rv != status || pal_command_failed_step(command) != step)
        fprintf(stderr, "got %d, %s\n", rv,
                pal_step_name(pal_command_failed_step(command)));
    CU_ASSERT_TRUE(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}
