/* Version of pal. The library name (libpal-1) changes with the major one. */
#ifndef PAL_VERSION_H
#define PAL_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

#define PAL_VERSION_MAJOR 1
#define PAL_VERSION_MINOR 0
#define PAL_VERSION_PATCH 0

/* "1.0.0", of the library at run time. */
const char *pal_version(void);

#ifdef __cplusplus
}
#endif
#endif
