/* Ids and addresses. */
#ifndef MESH_CORE_ID_H
#define MESH_CORE_ID_H

#include <mesh/types.h>

/* A port of a node. */
typedef struct mesh__addr_t {
    mesh_id_t node;
    mesh_id_t port;
} mesh__addr_t;

int mesh__id_equal(const mesh_id_t *a, const mesh_id_t *b);
int mesh__id_is_zero(const mesh_id_t *id);
int mesh__addr_equal(const mesh__addr_t *a, const mesh__addr_t *b);

/* 32 digits into buf[MESH_ID_TEXT_LEN]; returns buf. */
char *mesh__id_text(const mesh_id_t *id, char *buf);

#endif
