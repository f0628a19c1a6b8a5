#include "config.h"

#include "escape.h"

#include <string.h>

static const char hex_digits[] = "0123456789abcdef";

/* The length of the UTF-8 character at `s`, which ends with 0, and its code;
 * 0 if it is none (RFC 3629: no surrogates, no overlong forms). */
static int utf8_at(const unsigned char *s, unsigned long *ret_code)
{
    static const unsigned long smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned long code;
    int len;
    int i;

    if (s[0] < 0x80) {
        *ret_code = s[0];
        return 1;
    }
    if (s[0] >= 0xc2 && s[0] < 0xe0) {
        len = 2;
        code = s[0] & 0x1fu;
    }
    else if (s[0] >= 0xe0 && s[0] < 0xf0) {
        len = 3;
        code = s[0] & 0x0fu;
    }
    else if (s[0] >= 0xf0 && s[0] < 0xf5) {
        len = 4;
        code = s[0] & 0x07u;
    }
    else {
        return 0;
    }
    for (i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (s[i] & 0x3fu);
    }
    if (code < smallest[len] || code > 0x10ffff
        || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    *ret_code = code;
    return len;
}

/* Would it do more to a terminal than show a character? */
static int is_mark(unsigned long code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0)
           || (code >= 0x200e && code <= 0x200f)
           || (code >= 0x2028 && code <= 0x202e)
           || (code >= 0x2066 && code <= 0x2069);
}

static char *put_bytes(char *out, const unsigned char *s, int len)
{
    memcpy(out, s, (size_t)len);
    return out + len;
}

static char *put_hex(char *out, const unsigned char *s, int len)
{
    for (int i = 0; i < len; i++) {
        *out++ = '\\';
        *out++ = 'x';
        *out++ = hex_digits[s[i] >> 4];
        *out++ = hex_digits[s[i] & 15];
    }
    return out;
}

/* One of the characters that have a short form, as C and JSON agree on. */
static char short_form(unsigned long code)
{
    switch (code) {
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    case '\\':
        return '\\';
    default:
        return 0;
    }
}

const char *escape_text(const char *bytes, apr_pool_t *pool)
{
    const unsigned char *s = (const unsigned char *)bytes;
    char *text = apr_palloc(pool, 4 * strlen(bytes) + 1);
    char *out = text;

    while (*s) {
        unsigned long code;
        int len = utf8_at(s, &code);

        if (len > 0 && short_form(code)) {
            *out++ = '\\';
            *out++ = short_form(code);
        }
        else if (len > 0 && !is_mark(code)) {
            out = put_bytes(out, s, len);
        }
        else {
            len = len > 0 ? len : 1;
            out = put_hex(out, s, len);
        }
        s += len;
    }
    *out = '\0';
    return text;
}

static int is_utf8(const char *bytes)
{
    const unsigned char *s = (const unsigned char *)bytes;

    while (*s) {
        unsigned long code;
        int len = utf8_at(s, &code);

        if (len == 0)
            return 0;
        s += len;
    }
    return 1;
}

static char *put_unicode(char *out, unsigned long code)
{
    *out++ = '\\';
    *out++ = 'u';
    for (int shift = 12; shift >= 0; shift -= 4)
        *out++ = hex_digits[code >> shift & 15];
    return out;
}

const char *escape_json(const char *bytes, int *ret_is_escaped,
                        apr_pool_t *pool)
{
    const unsigned char *s;
    char *text;
    char *out;

    *ret_is_escaped = !is_utf8(bytes);
    if (*ret_is_escaped)
        bytes = escape_text(bytes, pool);
    s = (const unsigned char *)bytes;
    text = apr_palloc(pool, 6 * strlen(bytes) + 3);
    out = text;
    *out++ = '"';
    while (*s) {
        unsigned long code = 0;
        int len = utf8_at(s, &code);

        if (short_form(code) || code == '"') {
            *out++ = '\\';
            *out++ = code == '"' ? '"' : short_form(code);
        }
        else if (is_mark(code)) {
            out = put_unicode(out, code);
        }
        else {
            out = put_bytes(out, s, len);
        }
        s += len;
    }
    *out++ = '"';
    *out = '\0';
    return text;
}
