/* A strict JSON reader (RFC 8259) for vectors and for checking output.
 *
 * Invalid text gives NULL: also a name twice in one object, invalid UTF-8,
 * an unpaired surrogate, a \u0000 (strings are C strings here), anything
 * after the value. Values live in the pool. */
#ifndef TESTS_JSON_H
#define TESTS_JSON_H

#include <apr_pools.h>

#include <stddef.h>

typedef enum {
    JSON_NULL,
    JSON_BOOL,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
} json_kind_t;

typedef struct json_t json_t;

json_t *json_parse(const char *text, size_t len, apr_pool_t *pool);
json_t *json_load_file(const char *path, apr_pool_t *pool);

/* JSON_NULL for a NULL pointer, so that what is missing can be asked on. */
json_kind_t json_kind(const json_t *json);

/* Member of an object or element of an array; NULL if there is none. */
json_t *json_get(const json_t *object, const char *key);
json_t *json_at(const json_t *array, int i);

/* Elements of an array or members of an object, else 0; a member's name. */
int json_count(const json_t *json);
const char *json_key(const json_t *object, int i);

/* NULL, 0 or false if the value is of another kind. */
const char *json_string(const json_t *json);
double json_number(const json_t *json);
int json_bool(const json_t *json);

#endif
