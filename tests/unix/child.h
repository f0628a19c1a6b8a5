/* What test_pal_launch and others do as a child: a program runs itself with
 * the name of one of these as its first argument. Answers go to stdout.
 *
 *   args            argv[0] and the further arguments, a line each
 *   env             the whole environment, a line each
 *   list            numbers of the open descriptors, with commas
 *   links           what 0, 1 and 2 are
 *   take N...       a byte read from each descriptor
 *   signals         masks of blocked and of ignored signals
 *   limit N         soft and hard limit of resource N
 *   privs           value of no_new_privs
 *   folder          working directory
 *   path            own executable, as pal says
 *   argv0           own argv[0], as pal says
 *   exit_at_once    nothing: a handler of atexit would
 *   locked FILE     pid that holds a POSIX lock on FILE, or 0
 *   exit N, die N   end by exit code or signal
 *   echo            stdin to stdout, byte by byte
 *   parent ON WHERE start "echo" on descriptors 0 and 3, die-with-parent ON,
 *                   on WHERE ("main" or "thread"), and wait to be killed
 *   replace         replace the own file, then start "args" once more
 *   storm N         launch N times under a storm of signals
 *   without WHAT    refuse system calls and see whether launches still work:
 *                   "close_range", "clone" (and close_range), "pidfd" (and
 *                   both)
 */
#ifndef TESTS_CHILD_H
#define TESTS_CHILD_H

/* The exit status of the child that argv asks for, or -1 for none. */
int child_main(int argc, char **argv);

#endif
