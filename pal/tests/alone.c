/* pal built alone: the shared library and its headers are enough to start a
 * program and to be told of its end. */
#include <pal/pal.h>

#include <assert.h>
#include <stdio.h>
#include <string.h>

static void on_end(void *baton, pal_process_t *process)
{
    assert(pal_process_exit_code(process) == 7);
    pal_loop_stop(baton);
}

int main(int argc, char **argv)
{
    apr_pool_t *pool;
    pal_loop_t *loop;
    pal_command_t *command;
    pal_process_t *process;
    apr_status_t rv;

    if (argc == 2 && strcmp(argv[1], "child") == 0) {
        return 7;
    }
    rv = pal_initialize();
    assert(rv == APR_SUCCESS);
    rv = apr_pool_create(&pool, NULL);
    assert(rv == APR_SUCCESS);
    rv = pal_loop_create(&loop, pool);
    assert(rv == APR_SUCCESS);
    rv = pal_command_create(&command, pool);
    assert(rv == APR_SUCCESS);
    rv = pal_command_self_set(command);
    assert(rv == APR_SUCCESS);
    rv = pal_command_arg_add(command, "child");
    assert(rv == APR_SUCCESS);
    rv = pal_process_start(&process, command);
    assert(rv == APR_SUCCESS);
    rv = pal_process_watch(process, loop, on_end, loop);
    assert(rv == APR_SUCCESS);
    rv = pal_loop_run(loop);
    assert(rv == APR_SUCCESS);
    pal_process_close(&process);
    pal_loop_destroy(loop);
    apr_pool_destroy(pool);
    pal_terminate();
    printf("1 passed, 0 failed\n");
    return 0;
}
