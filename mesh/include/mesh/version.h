/* Version of mesh. The library name (libmesh-1) changes with the major one. */
#ifndef MESH_VERSION_H
#define MESH_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

#define MESH_VERSION_MAJOR 1
#define MESH_VERSION_MINOR 0
#define MESH_VERSION_PATCH 0

/* "1.0.0", of the library at run time. */
const char *mesh_version(void);

#ifdef __cplusplus
}
#endif
#endif
