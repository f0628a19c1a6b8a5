#include "config.h"

#include "arena.h"

#include <stdlib.h>

/* Aligned for whatever C has, and of one size everywhere, so that a limit is
 * good for the same trees. */
typedef union unit_t {
    long double d;
    long long i;
    void *p;
    unsigned char size[16];
} unit_t;

/* Sizes of blocks: the first holds a small message's tree whole. */
#define FIRST_BLOCK 1024
#define LARGEST_BLOCK 65536

typedef struct block_t block_t;
struct block_t {
    union {
        block_t *next;
        unit_t align;
    } u;
};

struct mesh__arena_t {
    size_t limit;
    size_t used; /* handed out, rounded up; <= limit */
    int is_full;
    block_t *blocks; /* all but the first, which is behind this struct */
    unsigned char *p;
    size_t room; /* at p */
    size_t next_size;
};

static size_t round_up(size_t n)
{
    return (n + sizeof(unit_t) - 1) / sizeof(unit_t) * sizeof(unit_t);
}

mesh__arena_t *mesh__arena_create(size_t limit)
{
    mesh__arena_t *arena = malloc(round_up(sizeof(*arena)) + FIRST_BLOCK);

    if (!arena)
        return NULL;
    arena->limit = limit;
    arena->used = 0;
    arena->is_full = 0;
    arena->blocks = NULL;
    arena->p = (unsigned char *)arena + round_up(sizeof(*arena));
    arena->room = FIRST_BLOCK;
    arena->next_size = 2 * FIRST_BLOCK;
    return arena;
}

void mesh__arena_destroy(mesh__arena_t *arena)
{
    block_t *block, *next;

    if (!arena)
        return;
    for (block = arena->blocks; block; block = next) {
        next = block->u.next;
        free(block);
    }
    free(arena);
}

/* A block for `n` bytes. What is large gets one of its own, so that the rest
 * of the current block stays in use. */
static void *new_block(mesh__arena_t *arena, size_t n)
{
    int own = n > arena->next_size / 4;
    size_t size = own ? n : arena->next_size;
    block_t *block = malloc(sizeof(*block) + size);
    unsigned char *p;

    if (!block)
        return NULL;
    block->u.next = arena->blocks;
    arena->blocks = block;
    p = (unsigned char *)(block + 1);
    if (!own) {
        arena->p = p + n;
        arena->room = size - n;
        if (arena->next_size < LARGEST_BLOCK)
            arena->next_size *= 2;
    }
    return p;
}

void *mesh__arena_alloc(mesh__arena_t *arena, size_t n)
{
    void *ret;

    if (n > arena->limit - arena->used
        || round_up(n) > arena->limit - arena->used) {
        arena->is_full = 1;
        return NULL;
    }
    n = round_up(n);
    if (n > arena->room) {
        ret = new_block(arena, n);
        if (!ret)
            return NULL;
    }
    else {
        ret = arena->p;
        arena->p += n;
        arena->room -= n;
    }
    arena->used += n;
    return ret;
}

int mesh__arena_is_full(const mesh__arena_t *arena)
{
    return arena->is_full;
}

size_t mesh__arena_limit(const mesh__arena_t *arena)
{
    return arena->limit;
}
