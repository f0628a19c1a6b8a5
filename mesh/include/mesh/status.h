/* Status codes of mesh, beside those of APR and pal.
 *
 * Threads: any. */
#ifndef MESH_STATUS_H
#define MESH_STATUS_H

#include <apr_errno.h>

#ifdef __cplusplus
extern "C" {
#endif

/* First code of mesh; the range is 1000 codes long. */
#define MESH_E_START (APR_OS_START_USERERR + 47000)

/* One row a code: name, distance from MESH_E_START, text. Rows are only ever
 * added at the end. */
#define MESH_STATUS_MAP(ROW)                                                  \
    ROW(MESH_E_CLOSED, 1, "closed by the other end")                          \
    ROW(MESH_E_FAILED, 2,                                                     \
        "port failed: the process at the other end is lost "                  \
        "or broke the protocol")                                              \
    ROW(MESH_E_BUSY, 3, "too much is queued for the receiving process")       \
    ROW(MESH_E_REENTRANT, 4, "blocking call inside a callback")               \
    ROW(MESH_E_STOPPING, 5, "the launching process has let go of this host")  \
    ROW(MESH_E_PROTOCOL, 6, "the peer broke the protocol")                    \
    ROW(MESH_E_LIMIT, 7, "a limit of the library was reached")                \
    ROW(MESH_E_CIRCULAR, 8, "a port cannot be joined with its own peer")      \
    ROW(MESH_E_TRUNCATED, 9, "message ends inside a field")                   \
    ROW(MESH_E_WIRE, 10, "message has a field of another type")               \
    ROW(MESH_E_RESOURCE, 11, "port or handle is missing or of another kind")  \
    ROW(MESH_E_MISSING, 12, "message lacks a required field")                 \
    ROW(MESH_E_DEPTH, 13, "message is nested too deeply")                     \
    ROW(MESH_E_VALUE, 14, "message has an invalid value")                     \
    ROW(MESH_E_INVITATION, 15, "invitation is not valid")                     \
    ROW(MESH_E_DIED, 16, "host ended before it joined")                       \
    ROW(MESH_E_REMOTE, 17, "the callee answered with an error")               \
    ROW(MESH_E_UNKNOWN_PORT, 18, "event for an unknown port")                 \
    ROW(MESH_E_NODE_LOST, 19, "the connection to the node was lost")

#define MESH_STATUS_ENUM(name, n, text) name = MESH_E_START + (n),
typedef enum {
    MESH_STATUS_MAP(MESH_STATUS_ENUM) MESH_E_END
} mesh_status_code_t;

/* Text for any status: mesh's own, else pal's or APR's. Writes at most `len`
 * bytes, always terminated if len > 0. Returns `buf`. */
char *mesh_status_text(apr_status_t status, char *buf, apr_size_t len);

#ifdef __cplusplus
}
#endif
#endif
