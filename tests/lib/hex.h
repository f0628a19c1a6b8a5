/* Bytes written as hexadecimal digits. */
#ifndef TESTS_HEX_H
#define TESTS_HEX_H

#include <stddef.h>

/* Returns the number of bytes, or (size_t)-1 if `hex` is not an even number
 * of digits or more than `cap` bytes long. */
size_t hex_decode(const char *hex, unsigned char *out, size_t cap);

/* `out` has room for 2 * len + 1. Returns `out`. */
char *hex_encode(const unsigned char *bytes, size_t len, char *out);

#endif
