#!/bin/sh
# The libraries keep no state for the whole process but what is listed here.
passed=0 failed=0

# allowed LIBRARY: names of variables, and why they may be
allowed() {
    case $1 in
    pal)
        # The compiler's own.
        echo __TMC_END__ __dso_handle completed
        # loop_epoll.c: never written or read, only their addresses count.
        echo interrupt_mark timer_mark
        # launcher_unix.c: the thread that children die with; it outlives
        # whoever asked for it, and there is one set of such signals a thread.
        echo launcher
        # spawn_linux.c: a lock, held while the kernel marks the whole process
        # as not to be dumped.
        echo mark_lock
        # signal_unix.c: which pipes tell of a signal; there is one handler
        # for the whole process.
        echo lock places
        ;;
    mesh)
        echo __TMC_END__ __dso_handle completed
        # self.c: a process is a host once, and a core dump shows which.
        echo node_name self
        ;;
    esac
}

for l in pal mesh; do
    library=$l/.libs/lib$l-1.so
    if [ ! -f "$library" ]; then
        echo "no $library: nothing to check"
        passed=$((passed + 1))
        continue
    fi
    names=$(allowed $l | tr '\n' ' ')
    # Constants with addresses in them lie elsewhere (.data.rel.ro).
    for found in $(${NM:-nm} -f sysv "$library" |
        awk -F'|' '$NF ~ /\.(data|bss|tdata|tbss) *$/ {
            sub(/ *$/, "", $1); sub(/\.[0-9]+$/, "", $1); print $1 }'); do
        case " $names" in
        *" $found "*) passed=$((passed + 1)) ;;
        *)
            failed=$((failed + 1))
            echo "$library: variable $found is not listed in $0"
            ;;
        esac
    done
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
