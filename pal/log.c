#include "config.h"

#include <pal/log.h>

#include <apr_thread_mutex.h>
#include <apr_time.h>

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Longest line, newline included. Below 4096, up to which writes of several
 * processes into one pipe do not mix. */
#define MAX_LINE 2048

/* Longest area, message, key and value, as written. A longer one is cut, with
 * CUT_MARK behind it. */
#define MAX_WORD 64
#define MAX_TEXT 512
#define CUT_MARK "..."
#define REST_MARK " " CUT_MARK "\n"
#define MAX_ESCAPE 4 /* \xHH */

#define JSON_END "}}\n"
#define JSON_CUT_END "},\"truncated\":true}\n"
#define BAD_POINT 0xfffdul /* stands for what is no character */
#define MAX_POINT 0x10fffful

static const char *const level_names[] = {"error", "warning", "info", "debug"};

struct pal_log_t {
    pal_log_level_t level;
    pal_log_fn_t fn;
    void *baton;
};

/* Where lines go. */
typedef struct sink_t {
    apr_file_t *file;
    apr_thread_mutex_t *mutex;
} sink_t;

typedef struct line_t {
    apr_size_t len;
    char bytes[MAX_LINE];
} line_t;

apr_status_t pal_log_create(pal_log_t **ret_log, pal_log_level_t level,
                            pal_log_fn_t fn, void *baton, apr_pool_t *pool)
{
    pal_log_t *log = apr_palloc(pool, sizeof(*log));

    if (log == NULL)
        return APR_ENOMEM;
    log->level = level;
    log->fn = fn;
    log->baton = baton;
    *ret_log = log;
    return APR_SUCCESS;
}

static void add(line_t *line, const char *bytes, apr_size_t len)
{
    assert(len <= sizeof(line->bytes) - line->len);
    memcpy(line->bytes + line->len, bytes, len);
    line->len += len;
}

static void add_text(line_t *line, const char *text)
{
    add(line, text, strlen(text));
}

static void add_number(line_t *line, apr_int64_t value)
{
    char number[32];

    (void)snprintf(number, sizeof(number), "%" PRId64, value);
    add_text(line, number);
}

/* Add `text` with all but printable ASCII escaped, so that no value can end
 * the line, look like another field or reach a terminal as a command; bytes
 * above 0x7e too, which may be invalid or misleading in any encoding. At most
 * `max` bytes and CUT_MARK are added. Returns whether all of it was. */
static int add_escaped(line_t *line, const char *text, int is_quoted,
                       apr_size_t max)
{
    apr_size_t end = line->len + max;

    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        char escaped[MAX_ESCAPE + 1];

        if (c == '\\' || (is_quoted && c == '"'))
            (void)snprintf(escaped, sizeof(escaped), "\\%c", c);
        else if (c == '\n')
            (void)snprintf(escaped, sizeof(escaped), "\\n");
        else if (c == '\t')
            (void)snprintf(escaped, sizeof(escaped), "\\t");
        else if (c < 0x20 || c > 0x7e)
            (void)snprintf(escaped, sizeof(escaped), "\\x%02x", c);
        else
            (void)snprintf(escaped, sizeof(escaped), "%c", c);
        if (strlen(escaped) > end - line->len)
            return 0;
        add_text(line, escaped);
    }
    return 1;
}

static void add_bare(line_t *line, const char *text, apr_size_t max)
{
    if (!add_escaped(line, text, 0, max))
        add_text(line, CUT_MARK);
}

/* May it stand without quotes? */
static int is_plain(const char *text)
{
    const char *at;

    for (at = text; *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~' || strchr("\"=\\", *at) != NULL)
            return 0;
    }
    return at > text && at - text <= MAX_TEXT;
}

static void add_field(line_t *line, const pal_log_field_t *field)
{
    add_text(line, " ");
    add_bare(line, field->key, MAX_WORD);
    add_text(line, "=");
    if (field->text == NULL) {
        add_number(line, field->number);
    }
    else if (is_plain(field->text)) {
        add_text(line, field->text);
    }
    else {
        int is_whole;

        add_text(line, "\"");
        is_whole = add_escaped(line, field->text, 1, MAX_TEXT);
        add_text(line, "\"");
        if (!is_whole)
            add_text(line, CUT_MARK);
    }
}

/* In one piece, so lines of several processes do not mix, and one at a time:
 * APR on Windows has one OVERLAPPED a file, which threads that append would
 * overwrite for each other. There is nobody to tell of a failure. */
static void flush_line(sink_t *sink, const line_t *line)
{
    (void)apr_thread_mutex_lock(sink->mutex);
    (void)apr_file_write_full(sink->file, line->bytes, line->len, NULL);
    (void)apr_thread_mutex_unlock(sink->mutex);
}

/* A log whose `fn` gets a sink. */
static apr_status_t create_sink(pal_log_t **ret_log, pal_log_level_t level,
                                pal_log_fn_t fn, apr_file_t *file,
                                apr_pool_t *pool)
{
    sink_t *sink = apr_palloc(pool, sizeof(*sink));
    apr_status_t rv;

    if (sink == NULL)
        return APR_ENOMEM;
    sink->file = file;
    rv = apr_thread_mutex_create(&sink->mutex, APR_THREAD_MUTEX_DEFAULT, pool);
    if (rv != APR_SUCCESS)
        return rv;
    return pal_log_create(ret_log, level, fn, sink, pool);
}

static void write_line(void *baton, const pal_log_event_t *event)
{
    line_t line, field;
    int i;

    line.len = 0;
    add_text(&line, level_names[event->level]);
    add_text(&line, " ");
    add_bare(&line, event->area, MAX_WORD);
    add_text(&line, ": ");
    add_bare(&line, event->message, MAX_TEXT);
    for (i = 0; i < event->n_fields; i++) {
        field.len = 0;
        add_field(&field, &event->fields[i]);
        if (line.len + field.len + strlen(REST_MARK) > MAX_LINE)
            break;
        add(&line, field.bytes, field.len);
    }
    if (i < event->n_fields)
        add_text(&line, REST_MARK);
    else
        add_text(&line, "\n");
    flush_line(baton, &line);
}

apr_status_t pal_log_create_text(pal_log_t **ret_log, pal_log_level_t level,
                                 apr_file_t *file, apr_pool_t *pool)
{
    return create_sink(ret_log, level, write_line, file, pool);
}

/* The character that `text` begins with, BAD_POINT if it is not UTF-8.
 * Returns how many bytes it is; a zero byte ends any. */
static int decode(const unsigned char *text, unsigned long *ret_point)
{
    static const unsigned long least[] = {0, 0x80, 0x800, 0x10000};
    int n = *text >= 0xf0 ? 3 : *text >= 0xe0 ? 2 : *text >= 0x80 ? 1 : 0;
    unsigned long point = n == 0 ? *text : *text & (0x3fu >> n);
    int i;

    for (i = 1; i <= n && (text[i] & 0xc0) == 0x80; i++)
        point = point << 6 | (text[i] & 0x3f);
    if ((n > 0 && *text < 0xc0) || *text > 0xf7 || i <= n || point < least[n]
        || point > MAX_POINT || (point >= 0xd800 && point <= 0xdfff)) {
        *ret_point = BAD_POINT;
        return 1;
    }
    *ret_point = point;
    return n + 1;
}

/* Add a string; between its quotes are at most `max` bytes, and CUT_MARK. */
static void add_json_text(line_t *line, const char *text, apr_size_t max)
{
    const unsigned char *at = (const unsigned char *)text;
    char escaped[sizeof("\\uD800\\uDC00")];
    unsigned long point;
    apr_size_t end;

    add_text(line, "\"");
    end = line->len + max;
    while (*at != '\0') {
        at += decode(at, &point);
        if (point == '"' || point == '\\')
            (void)snprintf(escaped, sizeof(escaped), "\\%c", (char)point);
        else if (point >= 0x20 && point <= 0x7e)
            (void)snprintf(escaped, sizeof(escaped), "%c", (char)point);
        else if (point <= 0xffff)
            (void)snprintf(escaped, sizeof(escaped), "\\u%04lx", point);
        else
            (void)snprintf(escaped, sizeof(escaped), "\\u%04lx\\u%04lx",
                           0xd7c0 + (point >> 10), 0xdc00 + (point & 0x3ff));
        if (strlen(escaped) > end - line->len) {
            add_text(line, CUT_MARK);
            break;
        }
        add_text(line, escaped);
    }
    add_text(line, "\"");
}

static void add_time(line_t *line)
{
    apr_time_exp_t now;
    char text[96];

    (void)apr_time_exp_gmt(&now, apr_time_now());
    (void)snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ",
                   1900 + now.tm_year, 1 + now.tm_mon, now.tm_mday,
                   now.tm_hour, now.tm_min, now.tm_sec, now.tm_usec);
    add_text(line, text);
}

static void write_json(void *baton, const pal_log_event_t *event)
{
    const pal_log_field_t *from;
    line_t line, field;
    int i;

    line.len = 0;
    add_text(&line, "{\"time\":\"");
    add_time(&line);
    add_text(&line, "\",\"level\":\"");
    add_text(&line, level_names[event->level]);
    add_text(&line, "\",\"area\":");
    add_json_text(&line, event->area, MAX_WORD);
    add_text(&line, ",\"message\":");
    add_json_text(&line, event->message, MAX_TEXT);
    add_text(&line, ",\"fields\":{");
    for (i = 0; i < event->n_fields; i++) {
        from = &event->fields[i];
        field.len = 0;
        add_text(&field, i > 0 ? "," : "");
        add_json_text(&field, from->key, MAX_WORD);
        add_text(&field, ":");
        if (from->text == NULL)
            add_number(&field, from->number);
        else
            add_json_text(&field, from->text, MAX_TEXT);
        if (line.len + field.len + strlen(JSON_CUT_END) > MAX_LINE)
            break;
        add(&line, field.bytes, field.len);
    }
    add_text(&line, i < event->n_fields ? JSON_CUT_END : JSON_END);
    flush_line(baton, &line);
}

apr_status_t pal_log_create_json(pal_log_t **ret_log, pal_log_level_t level,
                                 apr_file_t *file, apr_pool_t *pool)
{
    return create_sink(ret_log, level, write_json, file, pool);
}

int pal_log_enabled(pal_log_t *log, pal_log_level_t level)
{
    return log != NULL && level <= log->level;
}

void pal_log_write(pal_log_t *log, pal_log_level_t level, const char *area,
                   const char *message, const pal_log_field_t *fields,
                   int n_fields)
{
    pal_log_event_t event;

    if (!pal_log_enabled(log, level))
        return;
    event.level = level;
    event.area = area;
    event.message = message;
    event.fields = fields;
    event.n_fields = n_fields;
    log->fn(log->baton, &event);
}
