#include "config.h"

#include "place_unix.h"

#include <pal/status.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#ifdef O_PATH
#    define FOLDER_FLAGS (O_PATH | O_DIRECTORY | O_CLOEXEC)
#else
#    define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
#endif

/* Spell the address of `name` in the folder: returns 0 if it is too long. */
static int spell(const char *path, int folder, const char *name,
                 struct sockaddr_un *address)
{
    int room = (int)sizeof(address->sun_path);

    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    if (snprintf(address->sun_path, (size_t)room, "%s/%s", path, name) < room)
        return 1;
#ifdef O_PATH
    return snprintf(address->sun_path, (size_t)room, "/proc/self/fd/%d/%s",
                    folder, name)
           < room;
#else
    (void)folder;
    return 0;
#endif
}

static apr_status_t split(pal__place_t *place, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    size_t len = slash != NULL && slash > path ? (size_t)(slash - path) : 1;

    if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return APR_EINVAL;
    place->path = malloc(len + 1 + strlen(name) + 1);
    if (place->path == NULL)
        return APR_ENOMEM;
    memcpy(place->path, slash != NULL ? path : ".", len);
    place->path[len] = '\0';
    place->name = strcpy(place->path + len + 1, name);
    return APR_SUCCESS;
}

apr_status_t pal__place_open(pal__place_t *ret_place, const char *path)
{
    struct sockaddr_un address;
    pal__place_t place;
    apr_status_t rv = split(&place, path);

    if (rv != APR_SUCCESS)
        return rv;
    /* Whatever the number of the folder, here and in those who connect. */
    if (!spell(place.path, INT_MAX, place.name, &address)) {
        free(place.path);
        return PAL_E_LIMIT;
    }
    place.folder = open(place.path, FOLDER_FLAGS);
    if (place.folder < 0) {
        rv = errno;
        free(place.path);
        return rv;
    }
    *ret_place = place;
    return APR_SUCCESS;
}

void pal__place_close(pal__place_t *place)
{
    (void)close(place->folder);
    free(place->path);
}

apr_status_t pal__place_address(const pal__place_t *place, const char *name,
                                struct sockaddr_un *ret_address)
{
    return spell(place->path, place->folder, name, ret_address) ? APR_SUCCESS
                                                                : PAL_E_LIMIT;
}
