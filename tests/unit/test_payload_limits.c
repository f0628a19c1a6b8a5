/* The limits of typed messages, each at its edge, and what is left when memory
 * runs out. Linked with --wrap=malloc. */
#include "config.h"

#include "harness.h"

#include "arena.h"
#include "hex.h"
#include "payload_lib.h"
#include "payload_vectors.pb-c.h"

#include <stdlib.h>
#include <string.h>

/* Out of memory at will: the call that `calls_left` counts down to fails. */
static int calls_left = -1;

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);

void *__wrap_malloc(size_t n)
{
    if (calls_left == 0)
        return NULL;
    if (calls_left > 0)
        calls_left--;
    return __real_malloc(n);
}

static void test_arena(void)
{
    mesh__arena_t *arena = mesh__arena_create(4096);
    unsigned char *p;
    size_t used;

    CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
    CU_ASSERT_EQUAL(mesh__arena_limit(arena), 4096);
    /* To the last byte, over several blocks. */
    for (used = 0; used < 4096; used += 64) {
        p = mesh__arena_alloc(arena, 63);
        CU_ASSERT_PTR_NOT_NULL_FATAL(p);
        CU_ASSERT_EQUAL((uintptr_t)p % 16, 0);
        memset(p, 1, 63);
    }
    CU_ASSERT_FALSE(mesh__arena_is_full(arena));
    CU_ASSERT_PTR_NULL(mesh__arena_alloc(arena, 1));
    CU_ASSERT_TRUE(mesh__arena_is_full(arena));
    mesh__arena_destroy(arena);

    arena = mesh__arena_create(1 << 20);
    CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
    p = mesh__arena_alloc(arena, (1 << 20) - 16);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    memset(p, 1, (1 << 20) - 16);
    CU_ASSERT_PTR_NULL(mesh__arena_alloc(arena, (size_t)-1));
    CU_ASSERT_PTR_NULL(mesh__arena_alloc(arena, 17));
    CU_ASSERT_PTR_NOT_NULL(mesh__arena_alloc(arena, 16));
    mesh__arena_destroy(arena);
    mesh__arena_destroy(NULL);
}

/* The outermost and 31 inside. */
static void test_depth(void)
{
    Vectors__Chain chain[MESH__MAX_DEPTH + 1];
    unsigned char bytes[2 * MESH__MAX_DEPTH + 2];
    mesh_message_t *message;
    ProtobufCMessage *value;
    int i;

    for (i = 0; i <= MESH__MAX_DEPTH; i++) {
        vectors__chain__init(&chain[i]);
        if (i > 0)
            chain[i].next = &chain[i - 1];
    }
    check_refused(&chain[MESH__MAX_DEPTH], MESH_E_DEPTH);
    TEST_OK(mesh__payload_pack(&message, &chain[MESH__MAX_DEPTH - 1].base,
                               MESH__WRAP_CHANNEL));
    CU_ASSERT_EQUAL_FATAL(message->len, 2 * MESH__MAX_DEPTH);
    memcpy(bytes + 2, message->data, message->len);
    TEST_OK(mesh__payload_open_channel(message, &i));
    TEST_OK(mesh__payload_unpack(message, 0, TYPE(chain), &value));
    free_message(message);

    message = from_bytes(bytes + 2, 2 * MESH__MAX_DEPTH, "");
    CU_ASSERT_EQUAL(mesh__payload_unpack(message, 0, TYPE(chain), &value),
                    MESH_E_DEPTH);
    free_message(message);
    /* No deeper than that for something that it does not know. */
    check_decoded(TYPE(inner), "1a041a021a00", "", APR_SUCCESS, "");
}

static void test_resource_limit(void)
{
    slots_t *slots = new_slots();
    Vectors__Ports m = VECTORS__PORTS__INIT;
    mesh_message_t *message;
    int i;

    m.p = slots->pointers;
    m.n_p = MESH__MAX_RES + 1;
    check_refused(&m, MESH_E_LIMIT);
    m.n_p = MESH__MAX_RES;
    TEST_OK(mesh__payload_pack(&message, &m.base, MESH__WRAP_NONE));
    mesh__payload_commit(message);
    CU_ASSERT_EQUAL_FATAL(message->n_res, MESH__MAX_RES);
    for (i = 0; i < MESH__MAX_RES; i++)
        CU_ASSERT(!slots->variables[i]
                  && message->res[i].u.port == fake_port(i));
    free_message(message);
}

/* Key, length in five bytes, and the rest: refused by its length alone, and
 * at the limit only for want of memory. */
static void test_size_limit(void)
{
    Vectors__BytesValue m = VECTORS__BYTES_VALUE__INIT;
    mesh_message_t *message = NULL;

    m.v.data = (uint8_t *)"";
    m.v.len = MESH__MAX_PAYLOAD - 5;
    check_refused(&m, MESH_E_LIMIT);
    m.v.len = (size_t)-1;
    check_refused(&m, MESH_E_LIMIT);
    m.v.len = MESH__MAX_PAYLOAD - 6;
    calls_left = 0;
    CU_ASSERT_EQUAL(mesh__payload_pack(&message, &m.base, MESH__WRAP_NONE),
                    APR_ENOMEM);
    calls_left = -1;
    CU_ASSERT_PTR_NULL(message);
}

static size_t units(size_t n)
{
    return (n + 15) / 16 * 16;
}

/* `n` empty messages of two bytes each. */
static unsigned char *empties(int n)
{
    unsigned char *bytes = apr_palloc(test_pool(), 2 * (size_t)n);
    int i;

    for (i = 0; i < n; i++) {
        bytes[2 * i] = 0x42;
        bytes[2 * i + 1] = 0;
    }
    return bytes;
}

static void test_arena_limit(void)
{
    enum { N = 1000 };
    size_t each = units(sizeof(Vectors__Inner)) + sizeof(void *);
    size_t need = units(sizeof(Vectors__Collections)) + 16 + N * each;
    mesh__arena_t *arena;
    mesh_message_t *message;
    ProtobufCMessage *value = NULL;
    int n;

    arena = mesh__arena_create(need);
    TEST_OK(mesh__payload_decode(TYPE(collections), empties(N), 2 * N, NULL, 0,
                                 arena, &value));
    CU_ASSERT_EQUAL(((Vectors__Collections *)value)->n_h, N);
    mesh__arena_destroy(arena);
    arena = mesh__arena_create(need - 1);
    CU_ASSERT_EQUAL(mesh__payload_decode(TYPE(collections), empties(N), 2 * N,
                                         NULL, 0, arena, &value),
                    MESH_E_LIMIT);
    mesh__arena_destroy(arena);

    /* 4 MiB and 8 times its size for a message; for all its trees. */
    n = (int)((((size_t)4 << 20) - units(sizeof(Vectors__Collections)) - 16)
              / (each - 16));
    message = from_bytes(empties(n), 2 * (size_t)n, "");
    TEST_OK(mesh__payload_unpack(message, 0, TYPE(collections), &value));
    CU_ASSERT_EQUAL(
        mesh__payload_unpack(message, 0, TYPE(collections), &value),
        MESH_E_LIMIT);
    free_message(message);
    message = from_bytes(empties(n + 10), 2 * (size_t)n + 20, "");
    CU_ASSERT_EQUAL(
        mesh__payload_unpack(message, 0, TYPE(collections), &value),
        MESH_E_LIMIT);
    free_message(message);
}

/* Arrays grow right however their elements come. */
static void test_arrays(void)
{
    enum { N = 1000 };
    unsigned char *bytes = apr_palloc(test_pool(), 8 * N);
    mesh_message_t *message;
    ProtobufCMessage *value;
    Vectors__Repeated *m;
    size_t len = 0;
    int i;

    for (i = 0; i < N; i++) {
        /* One alone or two packed, and a string between some. */
        bytes[len++] = i % 5 ? 0x18 : 0x1a;
        if (i % 5 == 0)
            bytes[len++] = 2;
        bytes[len++] = (unsigned char)(i % 100);
        if (i % 5 == 0)
            bytes[len++] = (unsigned char)(i % 100);
        if (i % 3 == 0) {
            bytes[len++] = 0x7a;
            bytes[len++] = 1;
            bytes[len++] = (unsigned char)(i % 100);
            if (i % 100 == 0)
                bytes[len - 1] = 'x';
        }
    }
    message = from_bytes(bytes, len, "");
    TEST_OK(mesh__payload_unpack(message, 0, TYPE(repeated), &value));
    m = (Vectors__Repeated *)value;
    CU_ASSERT_EQUAL_FATAL(m->n_u32, N + N / 5);
    CU_ASSERT_EQUAL_FATAL(m->n_s, (N + 2) / 3);
    for (i = 0; i < N; i++)
        CU_ASSERT_EQUAL(m->u32[i + i / 5 + (i % 5 != 0)], (uint32_t)i % 100);
    for (i = 0; i < N; i += 3)
        CU_ASSERT_EQUAL(m->s[i / 3][0], i % 100 ? i % 100 : 'x');
    free_message(message);
}

/* What does not fit into the first pass is the same as what does. */
static void test_large(void)
{
    static unsigned char data[1000];
    unsigned char expected[1100];
    Vectors__Everything m = VECTORS__EVERYTHING__INIT;
    mesh_message_t *message;
    size_t len, head, k;

    for (k = 0; k < sizeof(data); k++)
        data[k] = (unsigned char)k;
    m.u32 = 7;
    m.s = "text";
    m.y.data = data;
    for (len = 1; len <= sizeof(data); len++) {
        m.y.len = len;
        TEST_OK(mesh__payload_pack(&message, &m.base, MESH__WRAP_NONE));
        head = hex_decode("18077a04746578748201", expected, sizeof(expected));
        if (len > 127)
            expected[head++] = (unsigned char)(len | 0x80);
        expected[head++] = (unsigned char)(len > 127 ? len >> 7 : len);
        memcpy(expected + head, data, len);
        CU_ASSERT_EQUAL_FATAL(message->len, head + len);
        CU_ASSERT(memcmp(message->data, expected, head + len) == 0);
        free_message(message);
    }
}

/* Each allocation fails once: the status says so, nothing has moved, and the
 * harness finds nothing lost. Returns how many there are. */
static int pack_without_memory(Vectors__Ports *ports, slots_t *slots)
{
    mesh_message_t *message = NULL;
    apr_status_t rv;
    int n = -1;

    do {
        calls_left = ++n;
        rv = mesh__payload_pack(&message, &ports->base, MESH__WRAP_CHANNEL);
        calls_left = -1;
        CU_ASSERT_PTR_EQUAL(slots->variables[0], fake_port(0));
        CU_ASSERT_EQUAL(message != NULL, rv == APR_SUCCESS);
        CU_ASSERT_FATAL(rv == APR_SUCCESS || rv == APR_ENOMEM);
    } while (rv != APR_SUCCESS);
    free_message(message);
    return n;
}

static void test_no_memory(void)
{
    slots_t *slots = new_slots();
    Vectors__Ports ports = VECTORS__PORTS__INIT;
    mesh_message_t *message = from_bytes(empties(2000), 4000, "");
    ProtobufCMessage *value = NULL;
    apr_status_t rv;
    int n = -1;

    ports.p = slots->pointers;
    ports.n_p = 3;
    CU_ASSERT_EQUAL(pack_without_memory(&ports, slots), 3);
    ports.n_p = 1000;
    CU_ASSERT_EQUAL(pack_without_memory(&ports, slots), 3);

    do {
        calls_left = ++n;
        rv = mesh__payload_unpack(message, 0, TYPE(collections), &value);
        calls_left = -1;
        CU_ASSERT_EQUAL(value != NULL, rv == APR_SUCCESS);
        CU_ASSERT_FATAL(rv == APR_SUCCESS || rv == APR_ENOMEM);
    } while (rv != APR_SUCCESS);
    CU_ASSERT(n > 2);
    free_message(message);
    calls_left = 0;
    CU_ASSERT_PTR_NULL(mesh__arena_create(100));
    calls_left = -1;
}

int main(int argc, char **argv)
{
    static const test_case_t cases[] = {
        {"arena", test_arena},
        {"depth", test_depth},
        {"resource-limit", test_resource_limit},
        {"size-limit", test_size_limit},
        {"arena-limit", test_arena_limit},
        {"arrays", test_arrays},
        {"large", test_large},
        {"no-memory", test_no_memory},
        {NULL, NULL},
    };

    return test_main(argc, argv, "payload limits", cases);
}
