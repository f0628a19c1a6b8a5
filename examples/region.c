/* Hands a text to a child process in sealed shared memory:
 *
 *   region TEXT
 *
 * The child is this program again, without TEXT and with the memory as its
 * descriptor 3. It makes sure that nobody can change or shrink the memory any
 * more, and only then looks into it. */
#include <pal/pal.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER 3 /* of the memory in the child */
#define MAX_TEXT 100000

static void check(apr_status_t rv, const char *what)
{
    char text[128];

    if (rv == APR_SUCCESS)
        return;
    fprintf(stderr, "%s: %s\n", what, pal_status_text(rv, text, sizeof(text)));
    exit(1);
}

static int run_parent(const char *text, apr_pool_t *pool)
{
    apr_size_t len = strlen(text);
    pal_command_t *command;
    pal_process_t *process;
    pal_handle_t region;
    apr_status_t rv;
    int code;

    check(pal_region_create("text", (apr_off_t)len, &region), "creating");
    check(pal_region_write_at(region, 0, text, len), "filling");
    rv = pal_region_seal(region);
    if (!APR_STATUS_IS_ENOTIMPL(rv)) /* no seals here: the child copies */
        check(rv, "sealing");

    check(pal_command_create(&command, pool), "pal_command_create");
    check(pal_command_self_set(command), "the own program");
    check(pal_command_handle_add(command, region, NUMBER), "the region");
    rv = pal_process_start(&process, command);
    check(rv, pal_step_name(pal_command_failed_step(command)));
    pal_handle_close(&region); /* the child has its own */
    check(pal_process_wait(process, -1), "pal_process_wait");
    code = pal_process_exit_code(process);
    pal_process_close(&process);
    return code;
}

static int run_child(apr_pool_t *pool)
{
    pal_handle_t region;
    void *mapping = NULL;
    const char *text;
    apr_off_t size;
    apr_status_t rv;
    char *copy;

    check(pal_handle_adopt(NUMBER, &region), "descriptor 3");
    rv = pal_region_check(region, &size);
    if (APR_STATUS_IS_ENOTIMPL(rv))
        check(pal_file_size(region, &size), "asking for the size");
    else
        check(rv, "looking at the seals");
    if (size < 1 || size > MAX_TEXT)
        return 1;
    if (rv == APR_SUCCESS) {
        check(pal_region_map(region, 0, (apr_size_t)size, PAL_REGION_READ,
                             &mapping),
              "mapping");
        text = mapping;
    }
    else {
        copy = apr_palloc(pool, (apr_size_t)size);
        check(pal_region_read_at(region, 0, copy, (apr_size_t)size),
              "copying");
        text = copy;
    }
    printf("%d bytes: %.*s\n", (int)size, (int)size, text);
    if (mapping != NULL)
        check(pal_region_unmap(mapping, (apr_size_t)size), "unmapping");
    pal_handle_close(&region);
    return 0;
}

int main(int argc, char **argv)
{
    apr_pool_t *pool;
    int code;

    if (argc > 2)
        return 2;
    check(pal_initialize(), "pal_initialize");
    check(apr_pool_create(&pool, NULL), "apr_pool_create");
    code = argc == 2 ? run_parent(argv[1], pool) : run_child(pool);
    apr_pool_destroy(pool);
    pal_terminate();
    return code;
}
