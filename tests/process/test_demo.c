/* meshdemo as its users see it: results, order, formats, exit codes. What
 * takes links, signals or other users is in tests/unix/test_demo_faults.c. */
#include "demo.h"
#include "harness.h"
#include "machine.h"

#include <pal/confine.h>

#include <apr_strings.h>

#include <string.h>

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void samples(void)
{
    const char *folder = test_data("examples/documents");
    demo_t demo;

    demo_run(&demo, ARGS(demo_path(folder, "well-formed")));
    CU_ASSERT_EQUAL(demo.code, 0);
    CU_ASSERT_STRING_EQUAL(demo.out, "");
    CU_ASSERT_STRING_EQUAL(demo.err, "9 documents, 0 malformed, 0 failed\n");

    demo_run(&demo, ARGS(demo_path(folder, "malformed")));
    CU_ASSERT_EQUAL(demo.code, 1);
    CU_ASSERT_EQUAL(demo.n_lines, 13);
    CU_ASSERT_STRING_EQUAL(demo.err, "13 documents, 13 malformed, 0 failed\n");

    demo_run(&demo, ARGS(demo_path(folder, "bombs")));
    CU_ASSERT_EQUAL(demo.code, 1);
    CU_ASSERT_EQUAL(demo.n_lines, 2);
    CU_ASSERT_STRING_EQUAL(demo.err, "2 documents, 2 malformed, 0 failed\n");

    demo_run(&demo, ARGS(demo_path(folder, "failed")));
    CU_ASSERT_EQUAL(demo.code, 2);
    CU_ASSERT_STRING_EQUAL(demo.out, "");
    CU_ASSERT_STRING_EQUAL(
        demo.err,
        apr_pstrcat(test_pool(), folder,
                    "/failed/unknown-encoding.xml: unknown encoding\n"
                    "1 documents, 0 malformed, 1 failed\n",
                    NULL));
}

/* A folder whose entries come in another order by name than by kind. */
static const char *make_tree(const char *name)
{
    const char *folder = demo_folder(name);
    const char *inner =
        demo_folder(apr_pstrcat(test_pool(), name, "/b", NULL));

    demo_file(folder, "a.xml", "<a>\n</b>");
    demo_file(folder, "b.xml", "<a/><b/>");
    demo_file(folder, "c.txt", "<not looked at");
    demo_file(folder, "B.svg", "<svg/>");
    demo_file(inner, "z.rng", "<a b/>");
    demo_file(inner, "y.XML", "<not looked at");
    return folder;
}

static void order_of_text(void)
{
    const char *folder = make_tree("text");
    const char *one = demo_path(folder, "c.txt");
    demo_t demo;

    demo_run(&demo, ARGS(one, folder, demo_path(folder, "b/")));
    CU_ASSERT_EQUAL(demo.code, 1);
    CU_ASSERT_STRING_EQUAL(
        demo.out,
        apr_pstrcat(test_pool(), one,
                    ":1:13: not well-formed (invalid token)\n", folder,
                    "/a.xml:2:3: mismatched tag\n", folder,
                    "/b/z.rng:1:5: not well-formed (invalid token)\n", folder,
                    "/b.xml:1:5: junk after document element\n", folder,
                    "/b/z.rng:1:5: not well-formed (invalid token)\n", NULL));
    CU_ASSERT_STRING_EQUAL(demo.err, "6 documents, 5 malformed, 0 failed\n");
}

static void order_of_json(void)
{
    const char *folder = make_tree("json");
    demo_t demo;
    json_t *json;

    demo_run(&demo, ARGS("--json", folder, "no such file"));
    CU_ASSERT_EQUAL(demo.code, 2);
    CU_ASSERT_EQUAL_FATAL(demo.n_lines, 5);
    CU_ASSERT_STRING_EQUAL(demo.err, "5 documents, 3 malformed, 1 failed\n");

    json = demo_result(&demo, 0);
    demo_assert_path(json, demo_path(folder, "B.svg"));
    CU_ASSERT_EQUAL(json_kind(json_get(json, "well_formed")), JSON_BOOL);
    CU_ASSERT(json_bool(json_get(json, "well_formed")));
    CU_ASSERT_EQUAL(json_number(json_get(json, "elements")), 1);
    CU_ASSERT_EQUAL(json_number(json_get(json, "bytes")), 6);
    CU_ASSERT_PTR_NULL(json_get(json, "failed"));
    CU_ASSERT_PTR_NULL(json_get(json, "path_escaped"));

    json = demo_result(&demo, 1);
    demo_assert_path(json, demo_path(folder, "a.xml"));
    CU_ASSERT_EQUAL(json_kind(json_get(json, "well_formed")), JSON_BOOL);
    CU_ASSERT(!json_bool(json_get(json, "well_formed")));
    CU_ASSERT_EQUAL(json_number(json_get(json, "line")), 2);
    CU_ASSERT_EQUAL(json_number(json_get(json, "column")), 3);
    CU_ASSERT_EQUAL(json_number(json_get(json, "elements")), 1);
    CU_ASSERT_STRING_EQUAL(json_string(json_get(json, "message")),
                           "mismatched tag");

    demo_assert_path(demo_result(&demo, 2), demo_path(folder, "b/z.rng"));
    demo_assert_path(demo_result(&demo, 3), demo_path(folder, "b.xml"));

    json = demo_result(&demo, 4);
    demo_assert_path(json, "no such file");
    CU_ASSERT_EQUAL(json_count(json), 2);
    CU_ASSERT_PTR_NOT_NULL(json_string(json_get(json, "failed")));
}

static void missing_path(void)
{
    const char *folder = make_tree("missing");
    const char **lines;
    demo_t demo;
    int n;

    demo_run(&demo, ARGS("no/such", demo_path(folder, "b.xml"), "", "c.xml"));
    CU_ASSERT_EQUAL(demo.code, 2);
    CU_ASSERT_EQUAL(demo.n_lines, 1);
    lines = demo_split(demo.err, &n);
    CU_ASSERT_EQUAL_FATAL(n, 4);
    CU_ASSERT_EQUAL(strncmp(lines[0], "no/such: ", 9), 0);
    CU_ASSERT_EQUAL(strncmp(lines[1], ": ", 2), 0);
    CU_ASSERT_EQUAL(strncmp(lines[2], "c.xml: ", 7), 0);
    CU_ASSERT_STRING_EQUAL(lines[3], "4 documents, 1 malformed, 3 failed");
}

/* Names that files can have on every system; test_demo_faults has worse. */
static void foreign_names(void)
{
    static const demo_name_t names[] = {
        {"1 \xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x9f.xml",
         "1 \xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x9f.xml", 1},
        {"2 \xc2\x9b.xml", "2 \\xc2\\x9b.xml", 1},
        {"3 \xe2\x80\xae.xml", "3 \\xe2\\x80\\xae.xml", 1},
    };

    demo_names(names, sizeof(names) / sizeof(names[0]));
}

static void wrong_usage(void)
{
    static const char *const rows[][4] = {
        {NULL},
        {"--json"},
        {"-j", "0", "x"},
        {"-j", "1000", "x"},
        {"-j", "1x", "x"},
        {"--timeout", "0", "x"},
        {"--timeout", "-1", "x"},
        {"--memory-limit", "", "x"},
        {"--memory-limit", "99999999999999999999", "x"},
        {"--bogus", "x"},
        {"x", "--timeout"},
    };
    demo_t demo;

    for (apr_size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        demo_run(&demo, rows[i]);
        CU_ASSERT_EQUAL(demo.code, 2);
        CU_ASSERT_STRING_EQUAL(demo.out, "");
        CU_ASSERT_PTR_NOT_NULL(strstr(demo.err, "usage: meshdemo check"));
    }
}

static void options_after_paths(void)
{
    const char *folder = demo_folder("after");
    const char *path = demo_file(folder, "-j.xml", "<a/>");
    demo_t demo;

    demo_run(&demo, ARGS(path, "--json", "-j", "1", "--no-confine"));
    CU_ASSERT_EQUAL(demo.code, 0);
    demo_assert_path(demo_result(&demo, 0), path);

    demo_run(&demo, ARGS("--", "--json"));
    CU_ASSERT_EQUAL(demo.code, 2);
    CU_ASSERT_EQUAL(strncmp(demo.err, "--json: ", 8), 0);
}

/* However many workers there are, and where: the same output. */
static void same_output(void)
{
    const char *folder = demo_folder("same");
    int n = test_scale(1000);
    demo_t first;
    demo_t demo;
    const char *const *rows[] = {
        ARGS("--json", "-j", "1", folder),
        ARGS("--json", "-j", "2", folder),
        ARGS("--json", "-j", "7", folder),
        ARGS("--json", "--no-confine", folder),
    };

    for (int i = 0; i < n; i++)
        demo_file(folder, apr_psprintf(test_pool(), "%d.xml", i),
                  apr_psprintf(test_pool(), "<a><b n='%d'/><c></%s></a>", i,
                               i % 3 ? "c" : "d"));
    demo_run(&first, ARGS("--json", "--in-process", folder));
    CU_ASSERT_EQUAL(first.code, 1);
    CU_ASSERT_EQUAL_FATAL(first.n_lines, n);
    for (int i = 0; i < n; i++)
        (void)demo_result(&first, i);
    for (apr_size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        demo_run(&demo, rows[i]);
        CU_ASSERT_EQUAL(demo.code, 1);
        CU_ASSERT_STRING_EQUAL(demo.out, first.out);
        CU_ASSERT_STRING_EQUAL(demo.err, first.err);
    }
}

/* Elements inside each other cost the parser memory, one by one. */
static const char *make_greedy(const char *folder, const char *name)
{
    enum { N = 2000000 };
    char *text = apr_palloc(test_pool(), 3 * N + 1);

    for (int i = 0; i < N; i++)
        memcpy(text + 3 * i, "<a>", 3);
    text[3 * N] = '\0';
    return demo_file(folder, name, text);
}

static void memory_limit(void)
{
    const char *folder = demo_folder("memory");
    demo_t demo;

    if (!machine_limits_memory())
        return;
    make_greedy(folder, "1.xml");
    demo_file(folder, "2.xml", "<a/>");
    demo_run(&demo, ARGS("--json", "-j", "1", "--memory-limit", "64", folder));
    CU_ASSERT_EQUAL(demo.code, 2);
    CU_ASSERT_EQUAL_FATAL(demo.n_lines, 2);
    CU_ASSERT_STRING_EQUAL(
        json_string(json_get(demo_result(&demo, 0), "failed")),
        "out of memory");
    CU_ASSERT(json_bool(json_get(demo_result(&demo, 1), "well_formed")));
}

/* Where no worker can live the run ends, and says so for each document. */
static void no_worker(void)
{
    const char *folder = demo_folder("none");
    demo_t demo;

    if (!machine_limits_memory())
        return;
    for (int i = 0; i < 50; i++)
        demo_file(folder, apr_psprintf(test_pool(), "%d.xml", i), "<a/>");
    demo_run(&demo, ARGS("--json", "--memory-limit", "1", folder));
    CU_ASSERT_EQUAL(demo.code, 2);
    CU_ASSERT_EQUAL_FATAL(demo.n_lines, 50);
    for (int i = 0; i < 50; i++) {
        const char *why =
            json_string(json_get(demo_result(&demo, i), "failed"));

        CU_ASSERT_PTR_NOT_NULL_FATAL(why);
        CU_ASSERT_EQUAL(strncmp(why, "no worker: ", 11), 0);
    }
}

static void timeout(void)
{
    const char *folder = demo_folder("timeout");
    demo_t demo;

    demo_file(folder, "1.xml", "<a>");
    demo_slow_file(folder, "2.xml");
    demo_file(folder, "3.xml", "<b>");
    demo_run(&demo, ARGS("-j", "1", "--timeout", "1", folder));
    CU_ASSERT_EQUAL(demo.code, 2);
    CU_ASSERT_EQUAL(demo.n_lines, 2);
    CU_ASSERT_STRING_EQUAL(demo.err,
                           apr_pstrcat(test_pool(), folder,
                                       "/2.xml: timed out after 1 s\n"
                                       "3 documents, 2 malformed, 1 failed\n",
                                       NULL));
}

/* Workers are confined, or it is said that they are not. */
static void confined_or_noted(void)
{
    int is_offered = pal_confine_offers(PAL_CONFINE_SYSCALLS);
    const char *folder = demo_folder("note");
    demo_t demo;

    demo_file(folder, "1.xml", "<a/>");
    demo_run(&demo, ARGS(folder));
    CU_ASSERT_EQUAL(demo.code, 0);
    CU_ASSERT_EQUAL(demo.is_noted, !is_offered);
    demo_run(&demo, ARGS("--no-confine", folder));
    CU_ASSERT_EQUAL(demo.code, 0);
    CU_ASSERT(!demo.is_noted);
    demo_run(&demo, ARGS("--in-process", folder));
    CU_ASSERT_EQUAL(demo.code, 0);
    CU_ASSERT(!demo.is_noted);
}

int main(int argc, char **argv)
{
    static const test_case_t cases[] = {
        {"samples", samples},
        {"confined_or_noted", confined_or_noted},
        {"order_of_text", order_of_text},
        {"order_of_json", order_of_json},
        {"missing_path", missing_path},
        {"foreign_names", foreign_names},
        {"wrong_usage", wrong_usage},
        {"options_after_paths", options_after_paths},
        {"same_output", same_output},
        {"memory_limit", memory_limit},
        {"no_worker", no_worker},
        {"timeout", timeout},
        {NULL, NULL},
    };

    return test_main(argc, argv, "demo", cases);
}
