#include "config.h"

#include <pal/log.h>

#include <assert.h>
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

struct pal_log_t {
    pal_log_level_t level;
    pal_log_fn_t fn;
    void *baton;
};

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
        add(line, escaped, strlen(escaped));
    }
    return 1;
}

static void add_bare(line_t *line, const char *text, apr_size_t max)
{
    if (!add_escaped(line, text, 0, max))
        add(line, CUT_MARK, strlen(CUT_MARK));
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
    char number[32];

    add(line, " ", 1);
    add_bare(line, field->key, MAX_WORD);
    add(line, "=", 1);
    if (field->text == NULL) {
        (void)snprintf(number, sizeof(number), "%" APR_INT64_T_FMT,
                       field->number);
        add(line, number, strlen(number));
    }
    else if (is_plain(field->text)) {
        add(line, field->text, strlen(field->text));
    }
    else {
        int is_whole;

        add(line, "\"", 1);
        is_whole = add_escaped(line, field->text, 1, MAX_TEXT);
        add(line, "\"", 1);
        if (!is_whole)
            add(line, CUT_MARK, strlen(CUT_MARK));
    }
}

static void write_line(void *baton, const pal_log_event_t *event)
{
    static const char *const levels[] = {"error", "warning", "info", "debug"};
    apr_file_t *file = baton;
    line_t line, field;
    int i;

    line.len = 0;
    add(&line, levels[event->level], strlen(levels[event->level]));
    add(&line, " ", 1);
    add_bare(&line, event->area, MAX_WORD);
    add(&line, ": ", 2);
    add_bare(&line, event->message, MAX_TEXT);
    for (i = 0; i < event->n_fields; i++) {
        field.len = 0;
        add_field(&field, &event->fields[i]);
        if (line.len + field.len + strlen(REST_MARK) > MAX_LINE)
            break;
        add(&line, field.bytes, field.len);
    }
    if (i < event->n_fields)
        add(&line, REST_MARK, strlen(REST_MARK));
    else
        add(&line, "\n", 1);
    /* In one piece, so lines of several threads do not mix. There is nobody
     * to tell of a failure. */
    (void)apr_file_write_full(file, line.bytes, line.len, NULL);
}

apr_status_t pal_log_create_text(pal_log_t **ret_log, pal_log_level_t level,
                                 apr_file_t *file, apr_pool_t *pool)
{
    return pal_log_create(ret_log, level, write_line, file, pool);
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
