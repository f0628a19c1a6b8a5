/* The reader of vectors and of the demo's output: strict, or it proves
 * nothing. */
#include "harness.h"
#include "hex.h"
#include "json.h"

#include <stdio.h>
#include <string.h>

static json_t *parse(const char *text)
{
    return json_parse(text, strlen(text), test_pool());
}

static void values(void)
{
    json_t *json = parse(" {\"a\": [1, -2.5e1, true, false, null, \"x\"],"
                         " \"b\": {\"c\": 0}}\n");

    CU_ASSERT_EQUAL_FATAL(json_kind(json), JSON_OBJECT);
    CU_ASSERT_EQUAL(json_count(json), 2);
    CU_ASSERT_STRING_EQUAL(json_key(json, 1), "b");
    CU_ASSERT_EQUAL(json_count(json_get(json, "a")), 6);
    CU_ASSERT_EQUAL(json_number(json_at(json_get(json, "a"), 0)), 1);
    CU_ASSERT_EQUAL(json_number(json_at(json_get(json, "a"), 1)), -25);
    CU_ASSERT_EQUAL(json_bool(json_at(json_get(json, "a"), 2)), 1);
    CU_ASSERT_EQUAL(json_kind(json_at(json_get(json, "a"), 3)), JSON_BOOL);
    CU_ASSERT_EQUAL(json_bool(json_at(json_get(json, "a"), 3)), 0);
    CU_ASSERT_STRING_EQUAL(json_string(json_at(json_get(json, "a"), 5)), "x");
    CU_ASSERT_PTR_NULL(json_at(json_get(json, "a"), 6));
    CU_ASSERT_PTR_NOT_NULL(json_get(json_get(json, "b"), "c"));
    CU_ASSERT_PTR_NULL(json_get(json, "c"));
    CU_ASSERT_PTR_NULL(json_string(json_get(json, "none")));
}

static void strings(void)
{
    CU_ASSERT_STRING_EQUAL(
        json_string(parse("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"")),
        "\"\\/\b\f\n\r\tA");
    CU_ASSERT_STRING_EQUAL(json_string(parse("\"\\u00e4\\u20ac\"")),
                           "\xc3\xa4\xe2\x82\xac");
    CU_ASSERT_STRING_EQUAL(json_string(parse("\"\\ud83d\\ude00\"")),
                           "\xf0\x9f\x98\x80");
    CU_ASSERT_STRING_EQUAL(json_string(parse("\"\xf0\x9f\x98\x80\"")),
                           "\xf0\x9f\x98\x80");
}

static void invalid(void)
{
    static const char *const texts[] = {"",
                                        " ",
                                        "{",
                                        "[1,]",
                                        "{\"a\":1,}",
                                        "{\"a\"}",
                                        "{a:1}",
                                        "[1 2]",
                                        "01",
                                        "1.",
                                        ".5",
                                        "+1",
                                        "-",
                                        "1e",
                                        "tru",
                                        "nul",
                                        "True",
                                        "1 2",
                                        "\"",
                                        "\"\\\"",
                                        "\"\\x\"",
                                        "\"\\u12\"",
                                        "\"\\u0000\"",
                                        "\"\\ud800\"",
                                        "\"\n\"",
                                        "\"\xff\"",
                                        "\"\xc0\x80\"",
                                        "\"\xed\xa0\x80\"",
                                        "\"\xe2\x82\"",
                                        "{\"a\":1,\"a\":2}",
                                        "\"\\ud800\\u0041\"",
                                        "\"\\udc00\"",
                                        "'a'",
                                        "[1]]",
                                        "\"\\u+123\"",
                                        "\"\\u0x12\""};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (parse(texts[i]) != NULL) {
            CU_FAIL("invalid text was taken");
            printf("  taken: %s\n", texts[i]);
        }
    }
    CU_ASSERT_PTR_NULL(json_parse("1\0", 2, test_pool()));
}

static void depth(void)
{
    char text[400];

    memset(text, '[', 200);
    memset(text + 200, ']', 200);
    CU_ASSERT_PTR_NULL(json_parse(text, 400, test_pool()));
    CU_ASSERT_PTR_NOT_NULL(json_parse(text + 150, 100, test_pool()));
}

static void files(void)
{
    json_t *json =
        json_load_file(test_data("tests/vectors/manifest.json"), test_pool());

    CU_ASSERT_PTR_NOT_NULL(json_string(json_get(json, "commit")));
    CU_ASSERT_PTR_NULL(json_load_file("no/such/file", test_pool()));
}

static void hexadecimal(void)
{
    unsigned char bytes[3];
    char text[7];

    CU_ASSERT_EQUAL(hex_decode("00fFa5", bytes, 3), 3);
    CU_ASSERT_EQUAL(memcmp(bytes, "\x00\xff\xa5", 3), 0);
    CU_ASSERT_STRING_EQUAL(hex_encode(bytes, 3, text), "00ffa5");
    CU_ASSERT_EQUAL(hex_decode("00ffa500", bytes, 3), (size_t)-1);
    CU_ASSERT_EQUAL(hex_decode("0", bytes, 3), (size_t)-1);
    CU_ASSERT_EQUAL(hex_decode("0g", bytes, 3), (size_t)-1);
}

static const test_case_t cases[] = {
    {"values", values}, {"strings", strings}, {"invalid", invalid},
    {"depth", depth},   {"files", files},     {"hexadecimal", hexadecimal},
    {NULL, NULL}};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "json", cases);
}
