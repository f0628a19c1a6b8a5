#include "config.h"

#include "table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS_MIN = 16 };

static apr_uint64_t load(const unsigned char *p)
{
    apr_uint64_t value = 0;

    for (int i = 0; i < 8; i++)
        value |= (apr_uint64_t)p[i] << (8 * i);
    return value;
}

static apr_uint64_t rotate(apr_uint64_t value, int by)
{
    return (value << by) | (value >> (64 - by));
}

static void sip_round(apr_uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 of the 16 bytes. */
static apr_uint64_t hash_id(const mesh__table_t *table, const mesh_id_t *id)
{
    apr_uint64_t words[3];
    apr_uint64_t v[4];

    words[0] = load(id->bytes);
    words[1] = load(id->bytes + 8);
    words[2] = (apr_uint64_t)16 << 56;
    v[0] = table->key[0] ^ APR_UINT64_C(0x736f6d6570736575);
    v[1] = table->key[1] ^ APR_UINT64_C(0x646f72616e646f6d);
    v[2] = table->key[0] ^ APR_UINT64_C(0x6c7967656e657261);
    v[3] = table->key[1] ^ APR_UINT64_C(0x7465646279746573);
    for (int i = 0; i < 3; i++) {
        v[3] ^= words[i];
        sip_round(v);
        v[0] ^= words[i];
    }
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void mesh__table_init(mesh__table_t *table, const apr_uint64_t key[2])
{
    memset(table, 0, sizeof(*table));
    table->key[0] = key[0];
    table->key[1] = key[1];
}

void mesh__table_fini(mesh__table_t *table)
{
    free(table->slots);
    table->slots = NULL;
    table->n_slots = 0;
    table->n = 0;
}

static void place(mesh__slot_t *slots, apr_size_t n_slots, mesh__slot_t slot)
{
    apr_size_t i = (apr_size_t)slot.hash & (n_slots - 1);

    while (slots[i].entry != NULL)
        i = (i + 1) & (n_slots - 1);
    slots[i] = slot;
}

apr_status_t mesh__table_reserve(mesh__table_t *table, apr_size_t n)
{
    apr_size_t n_slots = table->n_slots > 0 ? table->n_slots : SLOTS_MIN;
    mesh__slot_t *slots;

    /* At most three quarters full. */
    while (n_slots / 4 * 3 < table->n + n)
        n_slots *= 2;
    if (n_slots == table->n_slots)
        return APR_SUCCESS;
    slots = calloc(n_slots, sizeof(*slots));
    if (slots == NULL)
        return APR_ENOMEM;
    for (apr_size_t i = 0; i < table->n_slots; i++)
        if (table->slots[i].entry != NULL)
            place(slots, n_slots, table->slots[i]);
    free(table->slots);
    table->slots = slots;
    table->n_slots = n_slots;
    return APR_SUCCESS;
}

void mesh__table_put(mesh__table_t *table, void *entry)
{
    mesh__slot_t slot;

    assert(table->n < table->n_slots / 4 * 3);
    slot.entry = entry;
    slot.hash = hash_id(table, entry);
    place(table->slots, table->n_slots, slot);
    table->n++;
}

void *mesh__table_find(const mesh__table_t *table, const mesh_id_t *id)
{
    apr_size_t mask = table->n_slots - 1;
    apr_uint64_t hash;

    if (table->n == 0)
        return NULL;
    hash = hash_id(table, id);
    for (apr_size_t i = (apr_size_t)hash & mask; table->slots[i].entry != NULL;
         i = (i + 1) & mask)
        if (table->slots[i].hash == hash
            && mesh__id_equal(table->slots[i].entry, id))
            return table->slots[i].entry;
    return NULL;
}

void mesh__table_remove(mesh__table_t *table, const void *entry)
{
    apr_size_t mask = table->n_slots - 1;
    apr_size_t hole = (apr_size_t)hash_id(table, entry) & mask;

    while (table->slots[hole].entry != entry) {
        assert(table->slots[hole].entry != NULL);
        hole = (hole + 1) & mask;
    }
    /* Close the gap: move up what would no longer be found behind it. */
    for (apr_size_t i = (hole + 1) & mask; table->slots[i].entry != NULL;
         i = (i + 1) & mask) {
        apr_size_t home = (apr_size_t)table->slots[i].hash & mask;

        if (((i - home) & mask) >= ((i - hole) & mask)) {
            table->slots[hole] = table->slots[i];
            hole = i;
        }
    }
    table->slots[hole].entry = NULL;
    table->n--;
}

void *mesh__table_next(const mesh__table_t *table, apr_size_t *index)
{
    while (*index < table->n_slots) {
        void *entry = table->slots[(*index)++].entry;

        if (entry != NULL)
            return entry;
    }
    return NULL;
}
