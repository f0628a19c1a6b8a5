/* Memory of one decoded tree: grows in blocks up to a limit, freed at once.
 * The limit bounds what a hostile message can make this process allocate:
 * 2-byte sub-messages become 24 times as much memory. */
#ifndef MESH_ARENA_H
#define MESH_ARENA_H

#include <stddef.h>

typedef struct mesh__arena_t mesh__arena_t;

/* NULL: out of memory. */
mesh__arena_t *mesh__arena_create(size_t limit);
void mesh__arena_destroy(mesh__arena_t *arena);

/* `n` bytes aligned for anything; NULL at the limit or out of memory, which
 * mesh__arena_is_full tells apart. */
void *mesh__arena_alloc(mesh__arena_t *arena, size_t n);
int mesh__arena_is_full(const mesh__arena_t *arena);
size_t mesh__arena_limit(const mesh__arena_t *arena);

#endif
