#include "config.h"

#include "harness.h"
#include "json.h"

#include <pal/log.h>

#include <apr_strings.h>
#include <apr_thread_proc.h>
#include <apr_time.h>

#include <stdio.h>
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

/* The one line of a JSON log without its time, which is looked at here. */
static const char *json_line(const char *area, const char *message,
                             const pal_log_field_t *fields, int n_fields)
{
    static const char head[] = "{\"time\":\"YYYY-MM-DDThh:mm:ss.uuuuuuZ\",";
    apr_file_t *file = open_file();
    apr_time_exp_t when = {0};
    apr_time_t before = apr_time_now(), time = 0;
    const char *line, *end;
    char zone = ' ';
    pal_log_t *log;

    TEST_OK(pal_log_create_json(&log, PAL_LOG_INFO, file, test_pool()));
    pal_log_write(log, PAL_LOG_DEBUG, area, message, fields, n_fields);
    pal_log_write(log, PAL_LOG_INFO, area, message, fields, n_fields);
    line = close_and_read(file);
    CU_ASSERT_EQUAL_FATAL(
        sscanf(line, "{\"time\":\"%4d-%2d-%2dT%2d:%2d:%2d.%6d%c\",",
               &when.tm_year, &when.tm_mon, &when.tm_mday, &when.tm_hour,
               &when.tm_min, &when.tm_sec, &when.tm_usec, &zone),
        8);
    CU_ASSERT_EQUAL(zone, 'Z');
    when.tm_year -= 1900;
    when.tm_mon -= 1;
    TEST_OK(apr_time_exp_get(&time, &when));
    CU_ASSERT(time >= before && time <= apr_time_now());
    CU_ASSERT_FATAL(strlen(line) > strlen(head));
    end = line + strlen(line) - 1;
    CU_ASSERT_PTR_EQUAL(strchr(line, '\n'), end);
    CU_ASSERT_PTR_NOT_NULL(
        json_parse(apr_pstrmemdup(test_pool(), line, strlen(line) - 1),
                   strlen(line) - 1, test_pool()));
    return line + strlen(head);
}

static void test_json(void)
{
    pal_log_field_t fields[] = {{"pid", NULL, 42},
                                {"low", NULL, APR_INT64_MIN},
                                {"name", "worker 1", 0},
                                {"none", "", 0}};

    CU_ASSERT_STRING_EQUAL(
        json_line("mesh.host", "host ended", fields, 4),
        "\"level\":\"info\",\"area\":\"mesh.host\",\"message\":\"host ended\","
        "\"fields\":{\"pid\":42,\"low\":-9223372036854775808,"
        "\"name\":\"worker 1\",\"none\":\"\"}}\n");
    CU_ASSERT_STRING_EQUAL(json_line("a", "m", NULL, 0),
                           "\"level\":\"info\",\"area\":\"a\",\"message\":"
                           "\"m\",\"fields\":{}}\n");
}

/* What a value is as a JSON string. */
static void expect_escaped(const char *text, const char *expected)
{
    CU_ASSERT_STRING_EQUAL(json_line(text, text, NULL, 0),
                           apr_pstrcat(test_pool(),
                                       "\"level\":\"info\",\"area\":\"",
                                       expected, "\",\"message\":\"", expected,
                                       "\",\"fields\":{}}\n", NULL));
}

static void test_json_escapes(void)
{
    expect_escaped("a\"b\\c/", "a\\\"b\\\\c/");
    expect_escaped("\n\t\x1b[2J\x7f", "\\u000a\\u0009\\u001b[2J\\u007f");
    expect_escaped("\xc2\x80\xdf\xbf", "\\u0080\\u07ff");
    expect_escaped("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf",
                   "\\u0800\\ud7ff\\ue000\\uffff");
    expect_escaped("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
                   "\\ud800\\udc00\\udbff\\udfff");
    /* Not UTF-8: alone, cut off, too long, a surrogate, too large. */
    expect_escaped("\x80|\xbf|\xff", "\\ufffd|\\ufffd|\\ufffd");
    expect_escaped("\xc3", "\\ufffd");
    expect_escaped("\xe2\x82|\xf0\x90\x80",
                   "\\ufffd\\ufffd|\\ufffd\\ufffd\\ufffd");
    expect_escaped("\xc0\x80\xc1\xbf", "\\ufffd\\ufffd\\ufffd\\ufffd");
    expect_escaped("\xe0\x9f\xbf", "\\ufffd\\ufffd\\ufffd");
    expect_escaped("\xf0\x8f\xbf\xbf", "\\ufffd\\ufffd\\ufffd\\ufffd");
    expect_escaped("\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd");
    expect_escaped("\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd");
    expect_escaped("\xf8\x88", "\\ufffd\\ufffd");
}

static void test_json_long(void)
{
    const char *many = repeat('\x01', MAX_LINE), *line, *x;
    pal_log_field_t fields[20];
    int i;

    x = repeat('x', MAX_TEXT);
    CU_ASSERT_STRING_EQUAL(
        json_line("a", x, NULL, 0),
        apr_pstrcat(test_pool(),
                    "\"level\":\"info\",\"area\":\"a\",\"message\":\"", x,
                    "\",\"fields\":{}}\n", NULL));
    /* An escape is whole or not there. */
    x = repeat('x', MAX_TEXT - 11);
    CU_ASSERT_STRING_EQUAL(
        json_line("a", apr_pstrcat(test_pool(), x, "\xf0\x90\x80\x80", NULL),
                  NULL, 0),
        apr_pstrcat(test_pool(),
                    "\"level\":\"info\",\"area\":\"a\",\"message\":\"", x,
                    "...\",\"fields\":{}}\n", NULL));
    for (i = 0; i < 20; i++) {
        fields[i].key = apr_psprintf(test_pool(), "%d%s", i, many);
        fields[i].text = many;
    }
    line = json_line(many, many, fields, 20);
    CU_ASSERT_TRUE(strlen(line) <= MAX_LINE);
    CU_ASSERT_PTR_NOT_NULL(strstr(line, "...\"},\"truncated\":true}\n"));
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

    for (i = 0; i < writer->n; i++)
        pal_log_write(writer->log, PAL_LOG_INFO, "test", "line", &field, 1);
    test_thread_exit(thread);
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
    {"json", test_json},
    {"json_escapes", test_json_escapes},
    {"json_long", test_json_long},
    {"threads", test_threads},
    {NULL, NULL},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "pal_log", cases);
}
