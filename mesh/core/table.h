/* A table of objects by id: open addressing, linear probing.
 *
 * Other nodes choose ids of ports on this one, so the hash is keyed with a
 * secret of the table: nobody can make ids that collide. */
#ifndef MESH_CORE_TABLE_H
#define MESH_CORE_TABLE_H

#include <apr_errno.h>

#include "id.h"

typedef struct mesh__slot_t {
    void *entry; /* begins with its mesh_id_t; NULL: free */
    apr_uint64_t hash;
} mesh__slot_t;

typedef struct mesh__table_t {
    mesh__slot_t *slots;
    apr_size_t n;
    apr_size_t n_slots; /* 0 or a power of two */
    apr_uint64_t key[2];
} mesh__table_t;

void mesh__table_init(mesh__table_t *table, const apr_uint64_t key[2]);

/* The entries are the caller's. */
void mesh__table_fini(mesh__table_t *table);

/* Make room, so that `n` more entries can be put. Errors: APR_ENOMEM. */
apr_status_t mesh__table_reserve(mesh__table_t *table, apr_size_t n);

/* Needs room made before; the id must not be there. */
void mesh__table_put(mesh__table_t *table, void *entry);

/* NULL if it is not there. */
void *mesh__table_find(const mesh__table_t *table, const mesh_id_t *id);

/* The entry must be there. */
void mesh__table_remove(mesh__table_t *table, const void *entry);

/* Go through all: start with *index 0; NULL after the last. The table must
 * not change meanwhile. */
void *mesh__table_next(const mesh__table_t *table, apr_size_t *index);

#endif
