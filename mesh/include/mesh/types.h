/* Names of the types that several headers of mesh share. */
#ifndef MESH_TYPES_H
#define MESH_TYPES_H

#ifdef __cplusplus
extern "C" {
#endif

/* A message: bytes with ports and handles (message.h). */
typedef struct mesh_message_t mesh_message_t;

/* One end of a two-way ordered stream of messages (port.h). */
typedef struct mesh_port_t mesh_port_t;

/* This process's membership in a mesh (node.h). */
typedef struct mesh_node_t mesh_node_t;

/* Name of a node or port: 128 random bits. Written as 32 hexadecimal digits.
 * Whoever knows a port's id and has a link to its node can send to it, so ids
 * are secrets between the nodes concerned. */
typedef struct mesh_id_t {
    unsigned char bytes[16];
} mesh_id_t;

#define MESH_ID_TEXT_LEN 33 /* digits and the terminator */

#ifdef __cplusplus
}
#endif
#endif
