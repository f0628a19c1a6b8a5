#include "config.h"

#include "../confine_private.h"

/* No layer at all (configure --disable-linux-native). */

int pal_confine_offers(pal_confine_layer_t layer)
{
    (void)layer;
    return 0;
}

apr_status_t pal__confine_begin(void)
{
    return APR_SUCCESS;
}

apr_status_t pal__confine_layer(pal_confine_layer_t layer)
{
    (void)layer;
    return APR_ENOTIMPL;
}
