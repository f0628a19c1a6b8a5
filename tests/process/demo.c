#include "demo.h"

#include "harness.h"

#include <pal/file.h>
#include <pal/handle.h>

#include <apr_file_io.h>
#include <apr_portable.h>
#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

const char *demo_path(const char *folder, const char *name)
{
    return apr_pstrcat(test_pool(), folder, "/", name, NULL);
}

const char *demo_folder(const char *name)
{
    const char *path = demo_path(test_dir(), name);

    TEST_OK(apr_dir_make(path, APR_FPROT_OS_DEFAULT, test_pool()));
    return path;
}

static apr_file_t *create(const char *path)
{
    apr_file_t *file;

    TEST_OK(apr_file_open(&file, path,
                          APR_FOPEN_WRITE | APR_FOPEN_CREATE
                              | APR_FOPEN_TRUNCATE | APR_FOPEN_BUFFERED,
                          APR_FPROT_OS_DEFAULT, test_pool()));
    return file;
}

const char *demo_file(const char *folder, const char *name, const char *text)
{
    const char *path = demo_path(folder, name);
    apr_file_t *file = create(path);

    TEST_OK(apr_file_write_full(file, text, strlen(text), NULL));
    TEST_OK(apr_file_close(file));
    return path;
}

const char *demo_slow_file(const char *folder, const char *name)
{
    const char *path = demo_path(folder, name);
    apr_file_t *file = create(path);

    apr_file_puts("<!DOCTYPE r [<!ATTLIST a", file);
    for (int i = 0; i < 30000; i++)
        apr_file_printf(file, " b%d CDATA ''", i);
    apr_file_puts(">]><r>", file);
    for (int i = 0; i < 1000000; i++)
        apr_file_puts("<a/>", file);
    apr_file_puts("</r>", file);
    TEST_OK(apr_file_close(file));
    return path;
}

/* Have the child write its descriptor `number` to a file. */
static const char *to_file(pal_command_t *command, int number)
{
    static int n_files;
    const char *path =
        apr_psprintf(test_pool(), "%s/output-%d", test_dir(), n_files++);
    apr_file_t *file = create(path);
    apr_os_file_t os_file;

    TEST_OK(apr_os_file_get(&os_file, file));
    TEST_OK(pal_command_handle_add(command, (pal_handle_t)os_file, number));
    return path;
}

pal_command_t *demo_command(demo_t *demo, const char *const *args)
{
    const char *program = getenv("MESHDEMO");
    pal_command_t *command;

    memset(demo, 0, sizeof(*demo));
    TEST_OK(pal_command_create(&command, test_pool()));
    TEST_OK(
        pal_command_program_set(command, program ? program : "app/meshdemo"));
    TEST_OK(pal_command_arg_add(command, "check"));
    for (int i = 0; args[i]; i++)
        TEST_OK(pal_command_arg_add(command, args[i]));
    demo->out_path = to_file(command, 1);
    demo->err_path = to_file(command, 2);
    return command;
}

void demo_start(demo_t *demo, pal_command_t *command)
{
    TEST_OK(pal_process_start(&demo->process, command));
}

/* Lines end as they do on this machine. */
static void drop_returns(char *text)
{
    char *to = text;

    for (const char *from = text; *from; from++)
        if (from[0] != '\r' || from[1] != '\n')
            *to++ = *from;
    *to = '\0';
}

static const char *read_all(const char *path)
{
    apr_finfo_t info;
    apr_file_t *file;
    char *text;

    TEST_OK(apr_file_open(&file, path, APR_FOPEN_READ, APR_FPROT_OS_DEFAULT,
                          test_pool()));
    TEST_OK(apr_file_info_get(&info, APR_FINFO_SIZE, file));
    text = apr_pcalloc(test_pool(), (apr_size_t)info.size + 1);
    if (info.size > 0)
        TEST_OK(apr_file_read_full(file, text, (apr_size_t)info.size, NULL));
    TEST_OK(apr_file_close(file));
    CU_ASSERT_EQUAL(strlen(text), (apr_size_t)info.size);
    drop_returns(text);
    return text;
}

/* Where nothing can confine workers, that is said before all else. */
static void take_note(demo_t *demo)
{
    static const char note[] = "meshdemo: workers are not confined: there is "
                               "no filter of system calls here\n";

    demo->is_noted = strncmp(demo->err, note, sizeof(note) - 1) == 0;
    if (demo->is_noted)
        demo->err += sizeof(note) - 1;
}

void demo_finish(demo_t *demo)
{
    TEST_OK(pal_process_wait(demo->process, -1)); /* the case has a deadline */
    demo->code = pal_process_exit_signal(demo->process)
                     ? -pal_process_exit_signal(demo->process)
                     : pal_process_exit_code(demo->process);
    pal_process_close(&demo->process);
    demo->out = read_all(demo->out_path);
    demo->err = read_all(demo->err_path);
    take_note(demo);
    demo->lines = demo_split(demo->out, &demo->n_lines);
}

void demo_run(demo_t *demo, const char *const *args)
{
    demo_start(demo, demo_command(demo, args));
    demo_finish(demo);
}

const char **demo_split(const char *text, int *ret_n)
{
    const char **lines;
    int n = 0;

    for (const char *s = text; *s; s++)
        n += *s == '\n';
    lines = apr_palloc(test_pool(), ((apr_size_t)n + 1) * sizeof(*lines));
    for (int i = 0; i < n; i++) {
        const char *end = strchr(text, '\n');

        lines[i] = apr_pstrmemdup(test_pool(), text, (apr_size_t)(end - text));
        text = end + 1;
    }
    CU_ASSERT_STRING_EQUAL(text, "");
    *ret_n = n;
    return lines;
}

json_t *demo_result(const demo_t *demo, int i)
{
    json_t *json;

    CU_ASSERT_FATAL(i < demo->n_lines);
    json = json_parse(demo->lines[i], strlen(demo->lines[i]), test_pool());
    CU_ASSERT_EQUAL_FATAL(json_kind(json), JSON_OBJECT);
    return json;
}

void demo_assert_path(json_t *json, const char *path)
{
    const char *found = json_string(json_get(json, "path"));

    CU_ASSERT_PTR_NOT_NULL_FATAL(found);
    CU_ASSERT_STRING_EQUAL(found, path);
}

void demo_names(const demo_name_t *names, int n)
{
    const char *folder = demo_folder("names");
    const char *args[] = {folder, NULL};
    const char *json_args[] = {"--json", folder, NULL};
    demo_t demo;

    for (int i = 0; i < n; i++)
        demo_file(folder, names[i].name, "");
    demo_run(&demo, args);
    CU_ASSERT_EQUAL(demo.code, 1);
    CU_ASSERT_EQUAL_FATAL(demo.n_lines, n);
    for (int i = 0; i < n; i++)
        CU_ASSERT_STRING_EQUAL(
            demo.lines[i], apr_pstrcat(test_pool(), folder, "/", names[i].text,
                                       ":1:1: no element found", NULL));

    demo_run(&demo, json_args);
    CU_ASSERT_EQUAL_FATAL(demo.n_lines, n);
    for (int i = 0; i < n; i++) {
        json_t *json = demo_result(&demo, i);

        demo_assert_path(json,
                         demo_path(folder, names[i].is_utf8 ? names[i].name
                                                            : names[i].text));
        CU_ASSERT_EQUAL(json_bool(json_get(json, "path_escaped")),
                        !names[i].is_utf8);
    }
}
