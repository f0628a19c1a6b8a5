/* The invitation of a host: a file is the bytes in it, and also tried as the
 * text of the variable. What can be decoded must be the same after one more
 * round. */
#include "config.h"

#include "fuzz.h"

#include "invitation.h"

#include <apr_encode.h>
#include <apr_general.h>
#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

/* Encoding refuses nothing but a name that is not UTF-8, which decoding does
 * not let through. */
static void try_text(const char *text, apr_pool_t *pool)
{
    mesh__invitation_t first;
    mesh__invitation_t second;
    const char *again;

    if (mesh__invitation_decode(&first, text, pool) != APR_SUCCESS) {
        return;
    }
    if (mesh__invitation_encode(&first, &again, pool) != APR_SUCCESS
        || mesh__invitation_decode(&second, again, pool) != APR_SUCCESS
        || strcmp(first.name, second.name) != 0
        || memcmp(&first.local, &second.local, sizeof(first.local)) != 0
        || memcmp(&first.remote, &second.remote, sizeof(first.remote)) != 0
        || first.handle != second.handle || first.features != second.features
        || first.confine != second.confine
        || first.confine_when != second.confine_when) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text;
    apr_pool_t *pool;

    if (apr_initialize() != APR_SUCCESS
        || apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        abort();
    }
    try_text(apr_pstrmemdup(pool, (const char *)data, size), pool);
    text = apr_pencode_base64_binary(pool, data, (apr_ssize_t)size,
                                     APR_ENCODE_NONE, NULL);
    if (text != NULL) {
        try_text(text, pool);
    }
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}
