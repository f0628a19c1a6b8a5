/* File names are bytes. These make them fit for a terminal and for JSON.
 *
 * Threads: any. */
#ifndef ESCAPE_H
#define ESCAPE_H

#include <apr_pools.h>

/* `bytes` as text for people, from `pool`: what is printable UTF-8 stays,
 * newline, tab and return become \n, \t, \r, a backslash two, and each byte
 * of anything else (controls, C1 controls, marks that reorder or break lines,
 * invalid UTF-8) \xNN. So the bytes can be told from the text. */
const char *escape_text(const char *bytes, apr_pool_t *pool);

/* `bytes` as a JSON string in its quotes, from `pool`. *ret_is_escaped tells
 * that they are not UTF-8, and that the string is that of escape_text. */
const char *escape_json(const char *bytes, int *ret_is_escaped,
                        apr_pool_t *pool);

#endif
