/* Running meshdemo, and making documents for it. Everything is asserted.
 * The program is app/meshdemo of the build folder, or what the environment
 * variable MESHDEMO names. Threads: main. */
#ifndef TESTS_DEMO_H
#define TESTS_DEMO_H

#include "json.h"

#include <pal/process.h>

typedef struct demo_t {
    pal_process_t *process;
    const char *out_path;
    const char *err_path;
    int code;        /* exit code, or minus the signal */
    const char *out; /* all of stdout and stderr, from the pool of the case */
    const char *err;
    int is_noted; /* the note that workers are not confined was there, and
                        was taken from `err` */
    int n_lines;  /* of stdout */
    const char **lines;
} demo_t;

/* A new folder in test_dir, and its path. */
const char *demo_folder(const char *name);

/* A path below a folder; a file there with this content. */
const char *demo_path(const char *folder, const char *name);
const char *demo_file(const char *folder, const char *name, const char *text);

/* A document that keeps any expat busy for minutes: every one of its many
 * elements gets thousands of attributes by default. */
const char *demo_slow_file(const char *folder, const char *name);

/* A command for `meshdemo check` with these arguments, which end with NULL.
 * stdout and stderr go to files. */
pal_command_t *demo_command(demo_t *demo, const char *const *args);

/* Start it; wait for its end and read what it wrote. */
void demo_start(demo_t *demo, pal_command_t *command);
void demo_finish(demo_t *demo);

/* All of that. */
void demo_run(demo_t *demo, const char *const *args);

/* The lines of a text, all ended by newlines, and how many there are. */
const char **demo_split(const char *text, int *ret_n);

/* Line `i` of stdout, which is a JSON object. */
json_t *demo_result(const demo_t *demo, int i);

/* It is of this document. */
void demo_assert_path(json_t *json, const char *path);

/* The name of a file, and what it is in a line of text. */
typedef struct demo_name_t {
    const char *name;
    const char *text;
    int is_utf8;
} demo_name_t;

/* Check empty files of these names, which are in order. */
void demo_names(const demo_name_t *names, int n);

#endif
