#include "config.h"

#include "quote.h"

#include <string.h>

/* Both parsers split at blanks and tabs outside of quotes. A run of
 * backslashes is literal unless a quote follows: then two stand for one, and
 * an odd one for the quote itself. The program's name is read by other rules:
 * up to the next quote, backslashes being what they are. Only ASCII has a
 * meaning, so this does not look into UTF-8. */

typedef struct writer_t {
    char *line; /* NULL: only count */
    apr_size_t len;
} writer_t;

static void put(writer_t *writer, char c)
{
    if (writer->line != NULL)
        writer->line[writer->len] = c;
    writer->len++;
}

static void put_text(writer_t *writer, const char *text)
{
    while (*text != '\0')
        put(writer, *text++);
}

static void put_quoted(writer_t *writer, const char *arg)
{
    apr_size_t n_slashes = 0, i;

    put(writer, '"');
    for (; *arg != '\0'; arg++) {
        if (*arg == '\\') {
            n_slashes++;
            continue;
        }
        if (*arg == '"')
            n_slashes = 2 * n_slashes + 1;
        for (i = 0; i < n_slashes; i++)
            put(writer, '\\');
        n_slashes = 0;
        put(writer, *arg);
    }
    for (i = 0; i < 2 * n_slashes; i++)
        put(writer, '\\');
    put(writer, '"');
}

apr_size_t pal__quote(char *line, char *const *argv)
{
    writer_t writer = {line, 0};

    if (strchr(argv[0], '"') != NULL)
        return 0;
    put(&writer, '"');
    put_text(&writer, argv[0]);
    put(&writer, '"');
    while (*++argv != NULL) {
        put(&writer, ' ');
        if (**argv != '\0' && strpbrk(*argv, " \t\n\v\"") == NULL)
            put_text(&writer, *argv);
        else
            put_quoted(&writer, *argv);
    }
    put(&writer, '\0');
    return writer.len;
}
