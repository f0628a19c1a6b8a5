#include "config.h"

#include "id.h"

#include <string.h>

int mesh__id_equal(const mesh_id_t *a, const mesh_id_t *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

int mesh__id_is_zero(const mesh_id_t *id)
{
    static const mesh_id_t zero;

    return mesh__id_equal(id, &zero);
}

int mesh__addr_equal(const mesh__addr_t *a, const mesh__addr_t *b)
{
    return mesh__id_equal(&a->port, &b->port)
           && mesh__id_equal(&a->node, &b->node);
}

char *mesh__id_text(const mesh_id_t *id, char *buf)
{
    static const char digits[] = "0123456789abcdef";

    for (int i = 0; i < 16; i++) {
        buf[2 * i] = digits[id->bytes[i] >> 4];
        buf[2 * i + 1] = digits[id->bytes[i] & 15];
    }
    buf[32] = '\0';
    return buf;
}
