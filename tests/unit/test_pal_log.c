#include "config.h"

#include "harness.h"

#include <pal/log.h>

#include <apr_strings.h>
#include <apr_thread_proc.h>

#include <string.h>

enum { MAX_LINE = 2048, MAX_TEXT = 512, N_THREADS = 4 };

typedef struct seen_t {
    int n;
    pal_log_level_t level;
    const char *area;
    const char *message;
    int n_fields;
} seen_t;

static void see(void *baton, const pal_log_event_t *event)
{
    seen_t *seen = baton;

    seen->n++;
    seen->level = event->level;
    seen->area = event->area;
    seen->message = event->message;
    seen->n_fields = event->n_fields;
}

static void test_levels(void)
{
    pal_log_field_t field = {"key", NULL, 1};
    seen_t seen = {0};
    pal_log_t *log;

    TEST_OK(pal_log_create(&log, PAL_LOG_WARNING, see, &seen, test_pool()));
    CU_ASSERT_TRUE(pal_log_enabled(log, PAL_LOG_ERROR));
    CU_ASSERT_TRUE(pal_log_enabled(log, PAL_LOG_WARNING));
    CU_ASSERT_FALSE(pal_log_enabled(log, PAL_LOG_INFO));
    pal_log_write(log, PAL_LOG_INFO, "area", "dropped", NULL, 0);
    pal_log_write(log, PAL_LOG_DEBUG, "area", "dropped", NULL, 0);
    CU_ASSERT_EQUAL(seen.n, 0);
    pal_log_write(log, PAL_LOG_ERROR, "area", "one", NULL, 0);
    pal_log_write(log, PAL_LOG_WARNING, "area", "two", &field, 1);
    CU_ASSERT_EQUAL(seen.n, 2);
    CU_ASSERT_EQUAL(seen.level, PAL_LOG_WARNING);
    CU_ASSERT_STRING_EQUAL(seen.area, "area");
    CU_ASSERT_STRING_EQUAL(seen.message, "two");
    CU_ASSERT_EQUAL(seen.n_fields, 1);
}

static void test_null(void)
{
    CU_ASSERT_FALSE(pal_log_enabled(NULL, PAL_LOG_ERROR));
    pal_log_write(NULL, PAL_LOG_ERROR, "area", "message", NULL, 0);
}

static apr_file_t *open_file(void)
{
    const char *path = apr_pstrcat(test_pool(), test_dir(), "/log", NULL);
    apr_file_t *file;

    TEST_OK(apr_file_open(&file, path,
                          APR_FOPEN_READ | APR_FOPEN_WRITE | APR_FOPEN_CREATE
                              | APR_FOPEN_TRUNCATE | APR_FOPEN_APPEND
                              | APR_FOPEN_XTHREAD,
                          APR_FPROT_OS_DEFAULT, test_pool()));
    return file;
}

/* All that was written, and the file closed. */
static const char *close_and_read(apr_file_t *file)
{
    apr_off_t len = 0, start = 0;
    char *text;

    TEST_OK(apr_file_seek(file, APR_END, &len));
    TEST_OK(apr_file_seek(file, APR_SET, &start));
    text = apr_pcalloc(test_pool(), (apr_size_t)len + 1);
    if (len > 0)
        TEST_OK(apr_file_read_full(file, text, (apr_size_t)len, NULL));
    TEST_OK(apr_file_close(file));
    return text;
}

static const char *one_line(pal_log_level_t level, const char *area,
                            const char *message, const pal_log_field_t *fields,
                            int n_fields)
{
    apr_file_t *file = open_file();
    pal_log_t *log;

    TEST_OK(pal_log_create_text(&log, PAL_LOG_DEBUG, file, test_pool()));
    pal_log_write(log, level, area, message, fields, n_fields);
    return close_and_read(file);
}

static void test_text(void)
{
    pal_log_field_t fields[] = {{"pid", NULL, 42},
                                {"low", NULL, APR_INT64_MIN},
                                {"name", "worker-1", 0},
                                {"path", "/a b", 0},
                                {"none", "", 0}};

    CU_ASSERT_STRING_EQUAL(
        one_line(PAL_LOG_INFO, "mesh.host", "host ended", fields, 5),
        "info mesh.host: host ended pid=42 low=-9223372036854775808"
        " name=worker-1 path=\"/a b\" none=\"\"\n");
    CU_ASSERT_STRING_EQUAL(one_line(PAL_LOG_ERROR, "a", "m", NULL, 0),
                           "error a: m\n");
    CU_ASSERT_STRING_EQUAL(one_line(PAL_LOG_WARNING, "a", "m", NULL, 0),
                           "warning a: m\n");
    CU_ASSERT_STRING_EQUAL(one_line(PAL_LOG_DEBUG, "a", "m", NULL, 0),
                           "debug a: m\n");
}

static void test_hostile(void)
{
    pal_log_field_t fields[] = {
        {"v", "a\nerror fake: line", 0},
        {"v", "x\" forged=\"1", 0},
        {"v", "\x1b[2J\x07\x7f\r\t", 0},
        {"v", "\xff\xc2\x9b", 0},
        {"v", "back\\slash", 0},
        {"v", "a=b", 0},
        {"k\ney", "v", 0},
    };

    CU_ASSERT_STRING_EQUAL(
        one_line(PAL_LOG_INFO, "ar\nea", "mess\x1b\\age", fields, 7),
        "info ar\\nea: mess\\x1b\\\\age v=\"a\\nerror fake: line\""
        " v=\"x\\\" forged=\\\"1\" v=\"\\x1b[2J\\x07\\x7f\\x0d\\t\""
        " v=\"\\xff\\xc2\\x9b\" v=\"back\\\\slash\" v=\"a=b\" k\\ney=v\n");
}

static const char *repeat(char c, int n)
{
    char *text = apr_palloc(test_pool(), (apr_size_t)n + 1);

    memset(text, c, (apr_size_t)n);
    text[n] = '\0';
    return text;
}

static void test_long(void)
{
    pal_log_field_t field = {"v", NULL, 0};
    pal_log_field_t fields[20];
    const char *line;
    int i;

    field.text = repeat('x', MAX_TEXT);
    CU_ASSERT_STRING_EQUAL(
        one_line(PAL_LOG_INFO, "a", "m", &field, 1),
        apr_pstrcat(test_pool(), "info a: m v=", field.text, "\n", NULL));
    field.text = repeat('x', MAX_TEXT + 1);
    CU_ASSERT_STRING_EQUAL(one_line(PAL_LOG_INFO, "a", "m", &field, 1),
                           apr_pstrcat(test_pool(), "info a: m v=\"",
                                       repeat('x', MAX_TEXT), "\"...\n",
                                       NULL));
    /* An escape is whole or not there. */
    field.text =
        apr_pstrcat(test_pool(), repeat('x', MAX_TEXT - 3), "\x01", NULL);
    CU_ASSERT_STRING_EQUAL(one_line(PAL_LOG_INFO, "a", "m", &field, 1),
                           apr_pstrcat(test_pool(), "info a: m v=\"",
                                       repeat('x', MAX_TEXT - 3), "\"...\n",
                                       NULL));
    /* The longest of all, and more fields than a line takes. */
    for (i = 0; i < 20; i++) {
        fields[i].key = repeat('\x01', MAX_LINE);
        fields[i].text = repeat('\x02', MAX_LINE);
    }
    line =
        one_line(PAL_LOG_WARNING, fields[0].key, fields[0].text, fields, 20);
    CU_ASSERT_TRUE(strlen(line) <= MAX_LINE);
    CU_ASSERT_STRING_EQUAL(line + strlen(line) - 5, " ...\n");
    CU_ASSERT_PTR_EQUAL(strchr(line, '\n'), line + strlen(line) - 1);
}

typedef struct writer_t {
    pal_log_t *log;
    int number;
    int n;
} writer_t;

static void *APR_THREAD_FUNC write_many(apr_thread_t *thread, void *baton)
{
    writer_t *writer = baton;
    pal_log_field_t field = {"thread", NULL, writer->number};
    int i;

    (void)thread;
    for (i = 0; i < writer->n; i++)
        pal_log_write(writer->log, PAL_LOG_INFO, "test", "line", &field, 1);
    return NULL;
}

static void test_threads(void)
{
    apr_file_t *file = open_file();
    apr_thread_t *threads[N_THREADS];
    writer_t writers[N_THREADS];
    int seen[N_THREADS] = {0};
    int n = test_scale(1000);
    apr_status_t rv;
    pal_log_t *log;
    char *text, *line, *state;
    int i;

    TEST_OK(pal_log_create_text(&log, PAL_LOG_DEBUG, file, test_pool()));
    for (i = 0; i < N_THREADS; i++) {
        writers[i].log = log;
        writers[i].number = i;
        writers[i].n = n;
        TEST_OK(apr_thread_create(&threads[i], NULL, write_many, &writers[i],
                                  test_pool()));
    }
    for (i = 0; i < N_THREADS; i++)
        TEST_OK(apr_thread_join(&rv, threads[i]));
    text = apr_pstrdup(test_pool(), close_and_read(file));
    for (line = apr_strtok(text, "\n", &state); line != NULL;
         line = apr_strtok(NULL, "\n", &state)) {
        const char *prefix = "info test: line thread=";

        CU_ASSERT_EQUAL_FATAL(strlen(line), strlen(prefix) + 1);
        CU_ASSERT_EQUAL_FATAL(strncmp(line, prefix, strlen(prefix)), 0);
        i = line[strlen(prefix)] - '0';
        CU_ASSERT_FATAL(i >= 0 && i < N_THREADS);
        seen[i]++;
    }
    for (i = 0; i < N_THREADS; i++)
        CU_ASSERT_EQUAL(seen[i], n);
}

static const test_case_t cases[] = {
    {"levels", test_levels},
    {"null", test_null},
    {"text", test_text},
    {"hostile", test_hostile},
    {"long", test_long},
    {"threads", test_threads},
    {NULL, NULL},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "pal_log", cases);
}
