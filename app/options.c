#include "config.h"

#include "options.h"

#include <mesh/version.h>

#include <pal/self.h>

#include <apr_getopt.h>
#include <apr_strings.h>

#include <stdio.h>
#include <string.h>

#define MIB ((apr_uint64_t)1 << 20)

/* Largest values: a day, a tebibyte. */
#define MAX_TIMEOUT 86400
#define MAX_MEMORY 1048576

enum {
    OPT_JOBS = 'j',
    OPT_HELP = 'h',
    OPT_JSON = 256,
    OPT_NO_CONFINE,
    OPT_IN_PROCESS,
    OPT_TIMEOUT,
    OPT_MEMORY,
    OPT_VERSION
};

static const apr_getopt_option_t rows[] = {
    {"jobs", OPT_JOBS, 1, NULL},
    {"json", OPT_JSON, 0, NULL},
    {"no-confine", OPT_NO_CONFINE, 0, NULL},
    {"in-process", OPT_IN_PROCESS, 0, NULL},
    {"timeout", OPT_TIMEOUT, 1, NULL},
    {"memory-limit", OPT_MEMORY, 1, NULL},
    {"help", OPT_HELP, 0, NULL},
    {"version", OPT_VERSION, 0, NULL},
    {NULL, 0, 0, NULL},
};

static void print_usage(FILE *out)
{
    fputs("usage: meshdemo check [-j N] [--json] [--no-confine]"
          " [--in-process]\n"
          "                      [--timeout SECONDS] [--memory-limit MIB]"
          " PATH...\n",
          out);
}

static void print_help(void)
{
    print_usage(stdout);
    fputs("\n"
          "Check that XML documents are well-formed, in worker processes that"
          " can hurt\n"
          "nothing. Of a folder, all files below it named *.xml, *.svg, *.xsd,"
          " *.xsl, *.rng\n"
          "or *.xhtml are checked; symbolic links below it are not followed.\n"
          "\n"
          "  -j, --jobs N         workers (default: one a processor)\n"
          "  --json               one object a line for every document\n"
          "  --no-confine         workers keep their rights, as they do where"
          " nothing can\n"
          "                       confine them\n"
          "  --in-process         no workers: parse here, one by one, without"
          " limits\n"
          "  --timeout SECONDS    for one document (default 60)\n"
          "  --memory-limit MIB   for one worker (default 512)\n"
          "  -h, --help           print this\n"
          "  --version            print the version\n"
          "\n"
          "Exit code: 0 all well-formed, 1 some malformed, 2 some could not be"
          " checked or\n"
          "wrong usage.\n",
          stdout);
}

static options_result_t wrong(void)
{
    print_usage(stderr);
    return OPTIONS_WRONG;
}

/* A whole number from 1 to `max`. */
static int read_number(const char *name, const char *text, long max,
                       long *ret_number)
{
    apr_int64_t number = apr_atoi64(text);

    if (*text == '\0' || strspn(text, "0123456789") != strlen(text)
        || strlen(text) > 10 || number < 1 || number > max) {
        fprintf(stderr, "meshdemo: %s takes a number from 1 to %ld\n", name,
                max);
        return 0;
    }
    *ret_number = (long)number;
    return 1;
}

static void set_defaults(options_t *options)
{
    int n_cpus = pal_self_cpus();

    memset(options, 0, sizeof(*options));
    options->n_jobs = n_cpus < OPTIONS_MAX_JOBS ? n_cpus : OPTIONS_MAX_JOBS;
    options->confine = 1;
    options->timeout = apr_time_from_sec(60);
    options->memory = 512 * MIB;
}

/* Take over one option. 0: its value is wrong. */
static int apply(options_t *options, int option, const char *value)
{
    long number = 0;

    switch (option) {
    case OPT_JOBS:
        if (!read_number("-j", value, OPTIONS_MAX_JOBS, &number))
            return 0;
        options->n_jobs = (int)number;
        return 1;
    case OPT_TIMEOUT:
        if (!read_number("--timeout", value, MAX_TIMEOUT, &number))
            return 0;
        options->timeout = apr_time_from_sec(number);
        return 1;
    case OPT_MEMORY:
        if (!read_number("--memory-limit", value, MAX_MEMORY, &number))
            return 0;
        options->memory = (apr_uint64_t)number * MIB;
        return 1;
    case OPT_JSON:
        options->json = 1;
        return 1;
    case OPT_NO_CONFINE:
        options->confine = 0;
        return 1;
    default:
        options->in_process = 1;
        return 1;
    }
}

options_result_t options_read(options_t *options, int argc,
                              const char *const *argv, apr_pool_t *pool)
{
    apr_getopt_t *reader;
    int option;
    const char *value;
    apr_status_t rv;

    set_defaults(options);
    if (apr_getopt_init(&reader, pool, argc, argv) != APR_SUCCESS)
        return wrong();
    reader->interleave = 1;
    for (;;) {
        rv = apr_getopt_long(reader, rows, &option, &value);
        if (rv != APR_SUCCESS)
            break;
        if (option == OPT_HELP) {
            print_help();
            return OPTIONS_DONE;
        }
        if (option == OPT_VERSION) {
            printf("meshdemo %s\n", mesh_version());
            return OPTIONS_DONE;
        }
        if (!apply(options, option, value))
            return wrong();
    }
    if (!APR_STATUS_IS_EOF(rv))
        return wrong(); /* apr_getopt_long has said what is wrong */
    if (reader->ind >= argc || strcmp(reader->argv[reader->ind], "check")) {
        fputs("meshdemo: the command is missing: check\n", stderr);
        return wrong();
    }
    options->paths = reader->argv + reader->ind + 1;
    options->n_paths = argc - reader->ind - 1;
    if (options->n_paths == 0) {
        fputs("meshdemo: nothing to check: name a PATH\n", stderr);
        return wrong();
    }
    return OPTIONS_CHECK;
}
