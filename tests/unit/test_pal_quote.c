#include "config.h"

#include "harness.h"
#include "quote.h"

#include <string.h>

enum { MAX_ARGS = 6, MAX_LEN = 8, ROOM = 256 };

/* Take the next argument off the line by the rules of CommandLineToArgvW;
 * NULL at the end. Two quotes in a row inside of quotes give one, a rule that
 * a line made by us never needs. */
static const char *parse(const char *line, char *arg)
{
    int is_quoted = 0;
    size_t n, i;

    line += strspn(line, " \t");
    if (*line == '\0')
        return NULL;
    while (*line != '\0' && (is_quoted || (*line != ' ' && *line != '\t'))) {
        n = strspn(line, "\\");
        line += n;
        if (*line != '"') {
            for (i = 0; i < n; i++)
                *arg++ = '\\';
            if (n == 0)
                *arg++ = *line++;
            continue;
        }
        for (i = 0; i < n / 2; i++)
            *arg++ = '\\';
        if (n % 2 == 1)
            *arg++ = '"';
        else if (is_quoted && line[1] == '"')
            *arg++ = *++line;
        else
            is_quoted = !is_quoted;
        line++;
    }
    *arg = '\0';
    return line;
}

/* The same for the program's name. */
static const char *parse_first(const char *line, char *arg)
{
    int is_quoted = *line == '"';
    size_t len;

    line += is_quoted;
    len = strcspn(line, is_quoted ? "\"" : " \t");
    memcpy(arg, line, len);
    arg[len] = '\0';
    return line + len + (line[len] == '"');
}

static void check(char *const *argv)
{
    char line[ROOM], arg[ROOM];
    apr_size_t size = pal__quote(NULL, argv);
    const char *at;

    CU_ASSERT_FATAL(size > 0 && size <= sizeof(line));
    CU_ASSERT_EQUAL(pal__quote(line, argv), size);
    CU_ASSERT_EQUAL_FATAL(strlen(line) + 1, size);
    at = parse_first(line, arg);
    CU_ASSERT_STRING_EQUAL(arg, argv[0]);
    while (*++argv != NULL) {
        at = parse(at, arg);
        CU_ASSERT_FATAL(at != NULL);
        CU_ASSERT_STRING_EQUAL(arg, *argv);
    }
    CU_ASSERT_PTR_NULL(parse(at, arg));
}

static void test_cases(void)
{
    static char *const argv[] = {"C:\\Program Files\\a b\\",
                                 "",
                                 " ",
                                 "plain",
                                 "a b",
                                 "\"",
                                 "\\",
                                 "\\\\",
                                 "\\\"",
                                 "a\\\\b",
                                 "a b\\",
                                 "a b\\\\",
                                 "\\\\\"x y\\\"\\",
                                 "\t",
                                 "--x=\"y z\"",
                                 NULL};
    char *const quote[] = {"a\"b", NULL};
    char line[4];

    check(argv);
    CU_ASSERT_EQUAL(pal__quote(NULL, quote), 0);
    CU_ASSERT_EQUAL(pal__quote(line, (char *const[]){"", NULL}), 3);
    CU_ASSERT_STRING_EQUAL(line, "\"\"");
}

/* The same numbers in every run (Marsaglia's xorshift). */
static unsigned int draw(unsigned int *state, unsigned int limit)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state % limit;
}

static void test_random(void)
{
    static const char letters[] = "\"\"\\\\\\ \ta";
    char text[MAX_ARGS][MAX_LEN + 1];
    char *argv[MAX_ARGS + 2] = {"x"};
    unsigned int state = 1;
    int n = test_scale(20000), i, k;

    for (i = 0; i < MAX_ARGS; i++)
        argv[i + 1] = text[i];
    while (n-- > 0) {
        for (i = 0; i < MAX_ARGS; i++) {
            int len = (int)draw(&state, MAX_LEN + 1);

            for (k = 0; k < len; k++)
                text[i][k] = letters[draw(&state, sizeof(letters) - 1)];
            text[i][len] = '\0';
        }
        check(argv);
    }
}

int main(int argc, char **argv)
{
    static const test_case_t cases[] = {
        {"cases", test_cases}, {"random", test_random}, {NULL, NULL}};

    return test_main(argc, argv, "pal_quote", cases);
}
