#include "hex.h"

#include <string.h>

static const char digits[] = "0123456789abcdef";

static int value_of(char c)
{
    const char *p;

    if (c >= 'A' && c <= 'F') {
        c = (char)(c - 'A' + 'a');
    }
    p = c != '\0' ? strchr(digits, c) : NULL;
    return p != NULL ? (int)(p - digits) : -1;
}

size_t hex_decode(const char *hex, unsigned char *out, size_t cap)
{
    size_t len = strlen(hex);

    if (len % 2 != 0 || len / 2 > cap) {
        return (size_t)-1;
    }
    for (size_t i = 0; i < len / 2; i++) {
        int high = value_of(hex[2 * i]);
        int low = value_of(hex[2 * i + 1]);

        if (high < 0 || low < 0) {
            return (size_t)-1;
        }
        out[i] = (unsigned char)(high << 4 | low);
    }
    return len / 2;
}

char *hex_encode(const unsigned char *bytes, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * len] = '\0';
    return out;
}
