#include "json.h"

#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_strings.h>
#include <apr_tables.h>

#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 100 };

typedef struct member_t {
    const char *key; /* NULL in an array */
    json_t *value;
} member_t;

struct json_t {
    json_kind_t kind;
    int truth;
    double number;
    const char *string;
    apr_array_header_t *members;
};

typedef struct reader_t {
    const char *p;
    const char *end;
    int depth;
    apr_pool_t *pool;
} reader_t;

static json_t *read_value(reader_t *r);

static void skip_space(reader_t *r)
{
    while (
        r->p < r->end
        && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r')) {
        r->p++;
    }
}

static int take(reader_t *r, char c)
{
    if (r->p < r->end && *r->p == c) {
        r->p++;
        return 1;
    }
    return 0;
}

static int take_word(reader_t *r, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(r->end - r->p) < len || memcmp(r->p, word, len) != 0) {
        return 0;
    }
    r->p += len;
    return 1;
}

static json_t *make(reader_t *r, json_kind_t kind)
{
    json_t *json = apr_pcalloc(r->pool, sizeof(*json));

    json->kind = kind;
    return json;
}

static int take_digits(reader_t *r)
{
    const char *start = r->p;

    while (r->p < r->end && *r->p >= '0' && *r->p <= '9') {
        r->p++;
    }
    return r->p > start;
}

static json_t *read_number(reader_t *r)
{
    const char *start = r->p;
    json_t *json;

    (void)take(r, '-');
    if (!take(r, '0') && !take_digits(r)) {
        return NULL;
    }
    if (take(r, '.') && !take_digits(r)) {
        return NULL;
    }
    if (take(r, 'e') || take(r, 'E')) {
        if (!take(r, '+')) {
            (void)take(r, '-');
        }
        if (!take_digits(r)) {
            return NULL;
        }
    }
    json = make(r, JSON_NUMBER);
    json->number = strtod(
        apr_pstrmemdup(r->pool, start, (apr_size_t)(r->p - start)), NULL);
    return json;
}

/* Four hexadecimal digits, or -1. */
static long read_unit(reader_t *r)
{
    char digits[5];
    char *end;
    long unit;

    if (r->end - r->p < 4) {
        return -1;
    }
    memcpy(digits, r->p, 4);
    digits[4] = '\0';
    unit = strtol(digits, &end, 16);
    if (end != digits + 4 || digits[0] == '+' || digits[0] == '-'
        || digits[0] == ' ' || digits[1] == 'x' || digits[1] == 'X') {
        return -1;
    }
    r->p += 4;
    return unit;
}

static char *put_utf8(char *out, long c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    }
    else if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
        *out++ = (char)(0x80 | (c & 63));
    }
    else if (c < 0x10000) {
        *out++ = (char)(0xe0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 63));
        *out++ = (char)(0x80 | (c & 63));
    }
    else {
        *out++ = (char)(0xf0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 63));
        *out++ = (char)(0x80 | (c >> 6 & 63));
        *out++ = (char)(0x80 | (c & 63));
    }
    return out;
}

/* The character after a backslash. Returns the new end, or NULL. */
static char *read_escape(reader_t *r, char *out)
{
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    const char *name;
    long c;

    if (r->p == r->end) {
        return NULL;
    }
    name = *r->p != '\0' ? strchr(names, *r->p) : NULL;
    if (name != NULL) {
        r->p++;
        *out++ = values[name - names];
        return out;
    }
    if (!take(r, 'u')) {
        return NULL;
    }
    c = read_unit(r);
    if (c >= 0xd800 && c < 0xdc00) {
        long low = take_word(r, "\\u") ? read_unit(r) : -1;

        if (low < 0xdc00 || low > 0xdfff) {
            return NULL;
        }
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    else if (c <= 0 || (c >= 0xdc00 && c <= 0xdfff)) {
        return NULL;
    }
    return put_utf8(out, c);
}

/* Copy one UTF-8 sequence. Returns the new end, or NULL. */
static char *copy_utf8(reader_t *r, char *out)
{
    static const long smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)*r->p;
    int len = first < 0x80   ? 1
              : first < 0xc0 ? 0
              : first < 0xe0 ? 2
              : first < 0xf0 ? 3
              : first < 0xf8 ? 4
                             : 0;
    long c = len < 2 ? first : first & (0x7f >> len);

    if (len == 0 || r->end - r->p < len) {
        return NULL;
    }
    for (int i = 1; i < len; i++) {
        unsigned char next = (unsigned char)r->p[i];

        if ((next & 0xc0) != 0x80) {
            return NULL;
        }
        c = c << 6 | (next & 63);
    }
    if (c < smallest[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
        return NULL;
    }
    memcpy(out, r->p, (size_t)len);
    r->p += len;
    return out + len;
}

static const char *read_text(reader_t *r)
{
    const char *close = r->p;
    char *text;
    char *out;

    if (!take(r, '"')) {
        return NULL;
    }
    /* No escape makes text longer, so the room up to the end is enough. */
    for (close = r->p; close < r->end && *close != '"'; close++) {
        if (*close == '\\' && close + 1 < r->end) {
            close++;
        }
    }
    text = out = apr_palloc(r->pool, (apr_size_t)(close - r->p) + 1);
    for (;;) {
        if (r->p == r->end || (unsigned char)*r->p < 0x20) {
            return NULL;
        }
        if (take(r, '"')) {
            *out = '\0';
            return text;
        }
        out = take(r, '\\') ? read_escape(r, out) : copy_utf8(r, out);
        if (out == NULL) {
            return NULL;
        }
    }
}

static json_t *read_string(reader_t *r)
{
    const char *text = read_text(r);
    json_t *json;

    if (text == NULL) {
        return NULL;
    }
    json = make(r, JSON_STRING);
    json->string = text;
    return json;
}

static int read_member(reader_t *r, json_t *json)
{
    member_t member = {NULL, NULL};

    skip_space(r);
    if (json->kind == JSON_OBJECT) {
        member.key = read_text(r);
        if (member.key == NULL || json_get(json, member.key) != NULL) {
            return 0;
        }
        skip_space(r);
        if (!take(r, ':')) {
            return 0;
        }
    }
    member.value = read_value(r);
    if (member.value == NULL) {
        return 0;
    }
    APR_ARRAY_PUSH(json->members, member_t) = member;
    return 1;
}

static json_t *read_members(reader_t *r, json_kind_t kind, char close)
{
    json_t *json = make(r, kind);

    json->members = apr_array_make(r->pool, 8, sizeof(member_t));
    r->p++;
    skip_space(r);
    if (take(r, close)) {
        return json;
    }
    do {
        if (!read_member(r, json)) {
            return NULL;
        }
        skip_space(r);
    } while (take(r, ','));
    return take(r, close) ? json : NULL;
}

static json_t *read_word(reader_t *r)
{
    json_t *json = make(r, JSON_BOOL);

    if (take_word(r, "true")) {
        json->truth = 1;
        return json;
    }
    if (take_word(r, "false")) {
        return json;
    }
    json->kind = JSON_NULL;
    return take_word(r, "null") ? json : NULL;
}

static json_t *read_value(reader_t *r)
{
    json_t *json;

    skip_space(r);
    if (r->p == r->end || r->depth == MAX_DEPTH) {
        return NULL;
    }
    r->depth++;
    switch (*r->p) {
    case '{':
        json = read_members(r, JSON_OBJECT, '}');
        break;
    case '[':
        json = read_members(r, JSON_ARRAY, ']');
        break;
    case '"':
        json = read_string(r);
        break;
    case 't':
    case 'f':
    case 'n':
        json = read_word(r);
        break;
    default:
        json = read_number(r);
        break;
    }
    r->depth--;
    return json;
}

json_t *json_parse(const char *text, size_t len, apr_pool_t *pool)
{
    reader_t reader = {text, text + len, 0, pool};
    json_t *json = read_value(&reader);

    skip_space(&reader);
    return reader.p == reader.end ? json : NULL;
}

json_t *json_load_file(const char *path, apr_pool_t *pool)
{
    apr_file_t *file;
    apr_finfo_t info;
    char *text;
    apr_size_t len = 0;
    json_t *json = NULL;

    if (apr_file_open(&file, path, APR_FOPEN_READ, 0, pool) != APR_SUCCESS) {
        return NULL;
    }
    if (apr_file_info_get(&info, APR_FINFO_SIZE, file) == APR_SUCCESS) {
        text = apr_palloc(pool, (apr_size_t)info.size + 1);
        if (apr_file_read_full(file, text, (apr_size_t)info.size, &len)
            == APR_SUCCESS) {
            json = json_parse(text, len, pool);
        }
    }
    apr_file_close(file);
    return json;
}

json_kind_t json_kind(const json_t *json)
{
    return json != NULL ? json->kind : JSON_NULL;
}

int json_count(const json_t *json)
{
    return json != NULL && json->members != NULL ? json->members->nelts : 0;
}

static const member_t *member_at(const json_t *json, int i)
{
    if (i < 0 || i >= json_count(json)) {
        return NULL;
    }
    return &APR_ARRAY_IDX(json->members, i, member_t);
}

json_t *json_get(const json_t *object, const char *key)
{
    for (int i = 0; i < json_count(object); i++) {
        const member_t *member = member_at(object, i);

        if (member->key != NULL && strcmp(member->key, key) == 0) {
            return member->value;
        }
    }
    return NULL;
}

json_t *json_at(const json_t *array, int i)
{
    const member_t *member = member_at(array, i);

    return member != NULL ? member->value : NULL;
}

const char *json_key(const json_t *object, int i)
{
    const member_t *member = member_at(object, i);

    return member != NULL ? member->key : NULL;
}

const char *json_string(const json_t *json)
{
    return json_kind(json) == JSON_STRING ? json->string : NULL;
}

double json_number(const json_t *json)
{
    return json_kind(json) == JSON_NUMBER ? json->number : 0;
}

int json_bool(const json_t *json)
{
    return json_kind(json) == JSON_BOOL && json->truth;
}
