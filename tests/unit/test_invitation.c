#include "config.h"

#include "invitation.h"

#include "harness.h"
#include "hex.h"
#include "json.h"

#include <apr_encode.h>
#include <apr_strings.h>

#include <string.h>

static const json_t *process_vector(void)
{
    json_t *file = json_load_file(test_data("tests/vectors/invitation.json"),
                                  test_pool());
    json_t *vector = json_at(json_get(file, "vectors"), 0);

    CU_ASSERT_PTR_NOT_NULL_FATAL(vector);
    CU_ASSERT_STRING_EQUAL_FATAL(json_string(json_get(vector, "name")),
                                 "process_invitation");
    return vector;
}

static mesh_id_t id_of(const json_t *addr, const char *key)
{
    const char *digits = json_string(json_get(addr, key));
    mesh_id_t id;

    CU_ASSERT_PTR_NOT_NULL_FATAL(digits);
    CU_ASSERT_EQUAL_FATAL(hex_decode(digits, id.bytes, sizeof(id.bytes)),
                          sizeof(id.bytes));
    return id;
}

static mesh__addr_t addr_of(const json_t *fields, const char *key)
{
    const json_t *addr = json_get(fields, key);
    mesh__addr_t ret;

    ret.node = id_of(addr, "node");
    ret.port = id_of(addr, "port");
    return ret;
}

static mesh__invitation_t vector_invitation(void)
{
    const json_t *fields = json_get(process_vector(), "fields");
    mesh__invitation_t invitation;

    memset(&invitation, 0, sizeof(invitation));
    invitation.name = json_string(json_get(fields, "node_name"));
    invitation.local = addr_of(fields, "local");
    invitation.remote = addr_of(fields, "remote");
    invitation.handle = (int)json_number(json_get(fields, "socket_fd"));
    return invitation;
}

static void expect_equal(const mesh__invitation_t *a,
                         const mesh__invitation_t *b)
{
    CU_ASSERT_STRING_EQUAL(a->name, b->name);
    CU_ASSERT_EQUAL(memcmp(&a->local, &b->local, sizeof(a->local)), 0);
    CU_ASSERT_EQUAL(memcmp(&a->remote, &b->remote, sizeof(a->remote)), 0);
    CU_ASSERT_EQUAL(a->handle, b->handle);
    CU_ASSERT_EQUAL(a->features, b->features);
    CU_ASSERT_EQUAL(a->confine, b->confine);
    CU_ASSERT_EQUAL(a->confine_when, b->confine_when);
}

static const char *encode_bytes(const unsigned char *bytes, apr_size_t len)
{
    return apr_pencode_base64_binary(test_pool(), bytes, (apr_ssize_t)len,
                                     APR_ENCODE_NONE, NULL);
}

/* The bytes of the vector, with room for more. */
static unsigned char *vector_bytes(apr_size_t *ret_len)
{
    const char *hex = json_string(json_get(process_vector(), "hex"));
    unsigned char *bytes = apr_palloc(test_pool(), strlen(hex) + 100);

    *ret_len = hex_decode(hex, bytes, strlen(hex));
    CU_ASSERT_NOT_EQUAL_FATAL(*ret_len, (apr_size_t)-1);
    return bytes;
}

static void expect_refused(const char *text)
{
    mesh__invitation_t invitation;

    CU_ASSERT_EQUAL(mesh__invitation_decode(&invitation, text, test_pool()),
                    MESH_E_INVITATION);
}

static void vector_encodes(void)
{
    mesh__invitation_t invitation = vector_invitation();
    const char *text;

    TEST_OK(mesh__invitation_encode(&invitation, &text, test_pool()));
    CU_ASSERT_STRING_EQUAL(text,
                           json_string(json_get(process_vector(), "base64")));
}

static void vector_decodes(void)
{
    mesh__invitation_t expected = vector_invitation();
    mesh__invitation_t invitation;

    TEST_OK(mesh__invitation_decode(
        &invitation, json_string(json_get(process_vector(), "base64")),
        test_pool()));
    expect_equal(&invitation, &expected);
}

static void own_fields(void)
{
    mesh__invitation_t expected = vector_invitation();
    mesh__invitation_t invitation;
    const char *text;

    expected.name = "gr\xc3\xbc\xc3\x9f"
                    "e";
    expected.features = 5;
    expected.confine = 1;
    expected.confine_when = 1;
    TEST_OK(mesh__invitation_encode(&expected, &text, test_pool()));
    TEST_OK(mesh__invitation_decode(&invitation, text, test_pool()));
    expect_equal(&invitation, &expected);
}

static void unknown_fields(void)
{
    /* number 200 as varint, 201 as bytes */
    static const unsigned char more[] = {0xc0, 0x0c, 0x01, 0xca,
                                         0x0c, 0x02, 'a',  'b'};
    mesh__invitation_t expected = vector_invitation();
    mesh__invitation_t invitation;
    apr_size_t len;
    unsigned char *bytes = vector_bytes(&len);

    memcpy(bytes + len, more, sizeof(more));
    TEST_OK(mesh__invitation_decode(
        &invitation, encode_bytes(bytes, len + sizeof(more)), test_pool()));
    expect_equal(&invitation, &expected);
}

static void not_base64(void)
{
    const char *valid = json_string(json_get(process_vector(), "base64"));
    char *text;

    expect_refused("");
    expect_refused("?");
    expect_refused("\xff\xfe");
    expect_refused(apr_pstrcat(test_pool(), valid, "=", NULL));
    expect_refused(apr_pstrcat(test_pool(), valid, "A", NULL));
    expect_refused(apr_pstrcat(test_pool(), " ", valid, NULL));
    text = apr_pstrdup(test_pool(), valid);
    text[strlen(text) / 2] = '!';
    expect_refused(text);
}

/* No beginning is an invitation: the handle comes last, and must be there. */
static void truncated(void)
{
    const char *valid = json_string(json_get(process_vector(), "base64"));
    apr_size_t len;
    unsigned char *bytes = vector_bytes(&len);
    apr_size_t i;

    for (i = 0; i < strlen(valid); i++) {
        expect_refused(apr_pstrndup(test_pool(), valid, i));
    }
    for (i = 0; i < len; i++) {
        expect_refused(encode_bytes(bytes, i));
    }
}

static void bad_ids(void)
{
    apr_size_t len;
    unsigned char *bytes = vector_bytes(&len);
    apr_size_t i;
    int n = 0;

    /* Each id is the 16 bytes behind 0a 10: make it one of 15, the last byte
     * an (unknown) field key that lacks its value. */
    for (i = 0; i + 18 <= len; i++) {
        if (bytes[i] == 0x0a && bytes[i + 1] == 0x10) {
            bytes[i + 1] = 0x0f;
            expect_refused(encode_bytes(bytes, len));
            bytes[i + 1] = 0x10;
            n++;
        }
    }
    CU_ASSERT_EQUAL(n, 4);
}

static void too_long(void)
{
    char *text = apr_palloc(test_pool(), MESH__INVITATION_MAX + 5);

    memset(text, 'A', MESH__INVITATION_MAX + 4);
    text[MESH__INVITATION_MAX + 4] = '\0';
    expect_refused(text);
}

static const test_case_t cases[] = {{"vector_encodes", vector_encodes},
                                    {"vector_decodes", vector_decodes},
                                    {"own_fields", own_fields},
                                    {"unknown_fields", unknown_fields},
                                    {"not_base64", not_base64},
                                    {"truncated", truncated},
                                    {"bad_ids", bad_ids},
                                    {"too_long", too_long},
                                    {NULL, NULL}};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "invitation", cases);
}
