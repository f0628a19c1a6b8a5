/* The command line of Windows: one string that the program takes apart again,
 * by the rules of CommandLineToArgvW and of Microsoft's C library. */
#ifndef PAL_QUOTE_H
#define PAL_QUOTE_H

#include <apr.h>

/* Write the line that gives these arguments, argv[0] first, to `line` unless
 * that is NULL. Returns its size in bytes with the zero, or 0 if there is no
 * such line: argv[0] has a quote. Threads: any. */
apr_size_t pal__quote(char *line, char *const *argv);

#endif
