/* Kernels and sandboxes that lack what launches are made of. What is refused
 * here stays so for this process and all that it starts. */
#ifndef TESTS_FILTER_H
#define TESTS_FILTER_H

/* Refuse the system call `number` with `err`; with a `flag`, only if its first
 * argument has it. 0 if that cannot be done. */
int filter_call(int number, unsigned int flag, int err);

/* Refuse what is called "close_range", "clone", "pidfd" or "memfd", or "all"
 * of these. */
int filter_set(const char *what, int err);

#endif
