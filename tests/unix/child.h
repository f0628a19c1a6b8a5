/* What test_pal_launch and others do as a child: a program runs itself with
 * the name of one of these as its first argument. Answers go to stdout.
 *
 *   args            argv[0] and the further arguments, a line each
 *   env             the whole environment, a line each
 *   list            numbers of the open descriptors, with commas
 *   links           what 0, 1 and 2 are
 *   take N...       a byte read from each descriptor
 *   signals         masks of blocked and of ignored signals
 *   status NAME     value of a line of /proc/self/status
 *   file PATH       what is in it
 *   open PATH HOW   errno of opening it: "r", "w"
 *   session         whether it leads its session, its process group, and the
 *                   session of the terminal that its stdin is
 *   namespace KIND  name of the one it is in
 *   pid             own pid
 *   nice            own nice value
 *   call            result of personality(2)
 *   burn N          nothing: uses N MiB and 50 ms of CPU time
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
 *   deathsig        signal it gets when its parent dies
 *   forked          see whether launches by fork tell of their steps
 */
#ifndef TESTS_CHILD_H
#define TESTS_CHILD_H

/* The exit status of the child that argv asks for, or -1 for none. */
int child_main(int argc, char **argv);

#endif
