#include "config.h"

#include <pal/confine.h>

#include "confine_private.h"

#include <string.h>

#define N_LAYERS (PAL_CONFINE_SYSCALLS + 1)

struct pal_confine_t {
    struct {
        int chosen;
        pal_confine_mode_t mode;
        int held;
    } layers[N_LAYERS];
    int applied;
};

apr_status_t pal_confine_create(pal_confine_t **ret_confine, apr_pool_t *pool)
{
    pal_confine_t *confine = apr_palloc(pool, sizeof(*confine));

    if (!confine)
        return APR_ENOMEM;
    memset(confine, 0, sizeof(*confine));
    *ret_confine = confine;
    return APR_SUCCESS;
}

apr_status_t pal_confine_layer_set(pal_confine_t *confine,
                                   pal_confine_layer_t layer,
                                   pal_confine_mode_t mode)
{
    if ((unsigned)layer >= N_LAYERS
        || (unsigned)mode > PAL_CONFINE_BEST_EFFORT)
        return APR_EINVAL;
    confine->layers[layer].chosen = 1;
    confine->layers[layer].mode = mode;
    return APR_SUCCESS;
}

/* There is one list so far, and it is the default. */
apr_status_t pal_confine_syscalls_set(pal_confine_t *confine,
                                      pal_syscalls_t list)
{
    (void)confine;
    return list == PAL_SYSCALLS_WORKER ? APR_SUCCESS : APR_EINVAL;
}

int pal_confine_held(pal_confine_t *confine, pal_confine_layer_t layer)
{
    return (unsigned)layer < N_LAYERS && confine->layers[layer].held;
}

/* What a strict layer stands on must be there before anything is given up. */
static apr_status_t check_offers(const pal_confine_t *confine)
{
    int i;

    for (i = 0; i < N_LAYERS; i++) {
        if (confine->layers[i].chosen
            && confine->layers[i].mode == PAL_CONFINE_STRICT
            && !pal_confine_offers((pal_confine_layer_t)i))
            return APR_ENOTIMPL;
    }
    return APR_SUCCESS;
}

apr_status_t pal_confine_apply(pal_confine_t *confine)
{
    apr_status_t rv;
    int i;

    if (confine->applied)
        return APR_EINVAL;
    if (!confine->layers[PAL_CONFINE_NO_NEW_PRIVS].chosen
        && (confine->layers[PAL_CONFINE_FILES].chosen
            || confine->layers[PAL_CONFINE_SYSCALLS].chosen))
        (void)pal_confine_layer_set(confine, PAL_CONFINE_NO_NEW_PRIVS,
                                    PAL_CONFINE_BEST_EFFORT);
    rv = check_offers(confine);
    if (rv == APR_SUCCESS)
        rv = pal__confine_begin();
    if (rv != APR_SUCCESS)
        return rv;
    confine->applied = 1;
    for (i = 0; i < N_LAYERS; i++) {
        if (!confine->layers[i].chosen)
            continue;
        rv = pal__confine_layer((pal_confine_layer_t)i);
        confine->layers[i].held = rv == APR_SUCCESS;
        if (rv != APR_SUCCESS && confine->layers[i].mode == PAL_CONFINE_STRICT)
            return rv;
    }
    return APR_SUCCESS;
}
