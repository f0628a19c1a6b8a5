/* Addresses of local sockets. They take about a hundred bytes: a longer path
 * is spelled by way of its folder, held open. */
#ifndef PAL_PLACE_UNIX_H
#define PAL_PLACE_UNIX_H

#include <apr_errno.h>

#include <sys/un.h>

/* A path, as its folder and the name in it. */
typedef struct pal__place_t {
    int folder; /* to name things in it, not to read it */
    char *path; /* of the folder, and behind its end the name */
    const char *name;
} pal__place_t;

/* Errors: PAL_E_LIMIT: the name is too long; APR_EINVAL: there is none; those
 * of open(2) on the folder. */
apr_status_t pal__place_open(pal__place_t *ret_place, const char *path);
void pal__place_close(pal__place_t *place);

/* The address of `name` there, good while the place is open.
 * Errors: PAL_E_LIMIT. */
apr_status_t pal__place_address(const pal__place_t *place, const char *name,
                                struct sockaddr_un *ret_address);

#endif
