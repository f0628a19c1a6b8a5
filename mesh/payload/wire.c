#include "config.h"

#include "wire.h"

#include <mesh/status.h>

mesh__view_t mesh__view_make(const unsigned char *data, apr_size_t len,
                             mesh__res_t *res, int n_res)
{
    mesh__view_t view;

    view.p = data;
    view.end = len > 0 ? data + len : data;
    view.res = res;
    view.res_end = n_res > 0 ? res + n_res : res;
    return view;
}

apr_status_t mesh__wire_varint(mesh__view_t *view, apr_uint64_t *ret_number)
{
    apr_uint64_t v = 0;
    unsigned char c;
    int shift;

    for (shift = 0; shift < 70; shift += 7) {
        if (view->p == view->end)
            return MESH_E_TRUNCATED;
        c = *view->p++;
        if (shift == 63 && c > 1)
            break;
        v |= (apr_uint64_t)(c & 0x7f) << shift;
        if (!(c & 0x80)) {
            *ret_number = v;
            return APR_SUCCESS;
        }
    }
    return MESH_E_VALUE;
}

apr_status_t mesh__wire_fixed(mesh__view_t *view, int len,
                              apr_uint64_t *ret_number)
{
    apr_uint64_t v = 0;
    int i;

    if (view->end - view->p < len)
        return MESH_E_TRUNCATED;
    for (i = len; i-- > 0;)
        v = v << 8 | view->p[i];
    view->p += len;
    *ret_number = v;
    return APR_SUCCESS;
}

/* The content of a field of `n_res` resources that has a length. */
static apr_status_t next_content(mesh__view_t *view, apr_uint64_t n_res,
                                 mesh__token_t *token)
{
    apr_uint64_t len;
    apr_status_t rv;

    if (n_res > (apr_uint64_t)(view->res_end - view->res))
        return MESH_E_RESOURCE;
    rv = mesh__wire_varint(view, &len);
    if (rv != APR_SUCCESS)
        return rv;
    if (len > (apr_uint64_t)(view->end - view->p))
        return MESH_E_TRUNCATED;
    token->content =
        mesh__view_make(view->p, (apr_size_t)len, view->res, (int)n_res);
    view->p = token->content.end;
    view->res = token->content.res_end;
    return APR_SUCCESS;
}

static apr_status_t next_resource(mesh__view_t *view, mesh__token_t *token)
{
    if (view->res == view->res_end)
        return MESH_E_RESOURCE;
    token->content.end = view->p;
    token->content.res_end = ++view->res;
    return APR_SUCCESS;
}

apr_status_t mesh__wire_next(mesh__view_t *view, mesh__token_t *ret_token)
{
    apr_uint64_t key, n_res;
    apr_status_t rv;

    rv = mesh__wire_varint(view, &key);
    if (rv != APR_SUCCESS)
        return rv;
    if (key >> 3 == 0 || key >> 3 > MESH__MAX_FIELD_ID)
        return MESH_E_VALUE;
    ret_token->id = (apr_uint32_t)(key >> 3);
    ret_token->wire = (int)(key & 7);
    ret_token->content = *view;
    switch (ret_token->wire) {
    case MESH__WIRE_VARINT:
        rv = mesh__wire_varint(view, &ret_token->number);
        break;
    case MESH__WIRE_FIXED64:
        rv = mesh__wire_fixed(view, 8, &ret_token->number);
        break;
    case MESH__WIRE_FIXED32:
        rv = mesh__wire_fixed(view, 4, &ret_token->number);
        break;
    case MESH__WIRE_LEN:
        return next_content(view, 0, ret_token);
    case MESH__WIRE_MESSAGE:
        rv = mesh__wire_varint(view, &n_res);
        return rv == APR_SUCCESS ? next_content(view, n_res, ret_token) : rv;
    case MESH__WIRE_RESOURCE:
        return next_resource(view, ret_token);
    default: /* protobuf's groups, and what never was */
        return MESH_E_WIRE;
    }
    ret_token->content.end = view->p;
    ret_token->content.res_end = ret_token->content.res;
    return rv;
}

/* Length of the sequence at s, or 0 if it is none. Table 3-7 of the Unicode
 * standard: only the second byte has ranges of its own. */
static int sequence_len(const unsigned char *s, apr_size_t len)
{
    unsigned char low = 0x80, high = 0xbf;
    int n, i;

    if (s[0] < 0x80)
        return 1;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (len < (apr_size_t)n)
        return 0;
    if (s[0] == 0xe0)
        low = 0xa0;
    else if (s[0] == 0xed)
        high = 0x9f;
    else if (s[0] == 0xf0)
        low = 0x90;
    else if (s[0] == 0xf4)
        high = 0x8f;
    if (s[1] < low || s[1] > high)
        return 0;
    for (i = 2; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

int mesh__utf8_is_valid(const unsigned char *s, apr_size_t len)
{
    const unsigned char *end = s + len;
    int n;

    while (s < end) {
        n = sequence_len(s, (apr_size_t)(end - s));
        if (n == 0)
            return 0;
        s += n;
    }
    return 1;
}
