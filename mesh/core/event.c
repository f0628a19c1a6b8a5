#include "config.h"

#include "event.h"

#include <mesh/status.h>

#include <string.h>

/* Offsets in the header (docs/PROTOCOL.md 3.1) and in a ResourceData (3.3).
 * What is not named is reserved: written as zero, not looked at. */
enum { HEAD_TYPE = 16, HEAD_FLAGS = 17, HEAD_SEQ = 24, HEAD_N_RES = 32 };
enum { HEAD_LEN = 36 };
enum { RES_SEQ = 16, RES_OLD = 32, RES_PEER = 64 };
enum { CHANGE_DELTA = 32 };

static void put_number(unsigned char *p, apr_uint64_t value, int len)
{
    for (int i = 0; i < len; i++)
        p[i] = (unsigned char)(value >> (8 * i));
}

static apr_uint64_t get_number(const unsigned char *p, int len)
{
    apr_uint64_t value = 0;

    for (int i = 0; i < len; i++)
        value |= (apr_uint64_t)p[i] << (8 * i);
    return value;
}

static void put_addr(unsigned char *p, const mesh__addr_t *addr)
{
    memcpy(p, addr->node.bytes, 16);
    memcpy(p + 16, addr->port.bytes, 16);
}

static void get_addr(const unsigned char *p, mesh__addr_t *ret_addr)
{
    memcpy(ret_addr->node.bytes, p, 16);
    memcpy(ret_addr->port.bytes, p + 16, 16);
}

void mesh__event_head_put(unsigned char buf[MESH__EVENT_HEAD_LEN],
                          const mesh__event_head_t *head)
{
    memset(buf, 0, MESH__EVENT_HEAD_LEN);
    memcpy(buf, head->port.bytes, 16);
    buf[HEAD_TYPE] = (unsigned char)head->type;
    buf[HEAD_FLAGS] = (unsigned char)head->flags;
    put_number(buf + HEAD_SEQ, head->seq, 8);
    put_number(buf + HEAD_N_RES, head->n_res, 4);
    put_number(buf + HEAD_LEN, head->len, 4);
}

apr_status_t mesh__event_head_get(const unsigned char *buf, apr_size_t len,
                                  mesh__event_head_t *ret_head)
{
    mesh__event_head_t head;

    if (len < MESH__EVENT_HEAD_LEN)
        return MESH_E_TRUNCATED;
    memcpy(head.port.bytes, buf, 16);
    head.type = buf[HEAD_TYPE];
    head.flags = buf[HEAD_FLAGS];
    head.seq = get_number(buf + HEAD_SEQ, 8);
    head.n_res = (apr_uint32_t)get_number(buf + HEAD_N_RES, 4);
    head.len = (apr_uint32_t)get_number(buf + HEAD_LEN, 4);
    len -= MESH__EVENT_HEAD_LEN;
    if (len / MESH__RES_DATA_LEN < head.n_res
        || len - (apr_size_t)head.n_res * MESH__RES_DATA_LEN < head.len)
        return MESH_E_TRUNCATED;
    if (head.n_res > MESH__MAX_RES)
        return MESH_E_LIMIT;
    *ret_head = head;
    return APR_SUCCESS;
}

void mesh__res_data_put(unsigned char buf[MESH__RES_DATA_LEN],
                        const mesh__res_data_t *res)
{
    memset(buf, 0, MESH__RES_DATA_LEN);
    if (mesh__id_is_zero(&res->id))
        return;
    memcpy(buf, res->id.bytes, 16);
    put_number(buf + RES_SEQ, res->next_local_seq, 8);
    put_addr(buf + RES_OLD, &res->old);
    put_addr(buf + RES_PEER, &res->peer);
}

void mesh__res_data_get(const unsigned char buf[MESH__RES_DATA_LEN],
                        mesh__res_data_t *ret_res)
{
    memcpy(ret_res->id.bytes, buf, 16);
    ret_res->next_local_seq = get_number(buf + RES_SEQ, 8);
    get_addr(buf + RES_OLD, &ret_res->old);
    get_addr(buf + RES_PEER, &ret_res->peer);
}

void mesh__change_peer_put(unsigned char buf[MESH__CHANGE_PEER_LEN],
                           const mesh__change_peer_t *change)
{
    memset(buf, 0, MESH__CHANGE_PEER_LEN);
    put_addr(buf, &change->peer);
    put_number(buf + CHANGE_DELTA, change->seq_delta, 8);
}

apr_status_t mesh__change_peer_get(const unsigned char *buf, apr_size_t len,
                                   mesh__change_peer_t *ret_change)
{
    if (len < MESH__CHANGE_PEER_LEN)
        return MESH_E_TRUNCATED;
    get_addr(buf, &ret_change->peer);
    ret_change->seq_delta = get_number(buf + CHANGE_DELTA, 8);
    return APR_SUCCESS;
}
