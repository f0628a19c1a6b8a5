#!/bin/sh
# Every function that a library exports is called by a test.
cd "${srcdir:-.}" || exit 1
passed=0 failed=0
called=$(find tests -name '*.c' -exec cat {} + |
    grep -oE '\b(pal|mesh)_[a-z0-9_]+\(' | sort -u)

for l in pal mesh; do
    while read -r name; do
        case $called in
        *"$name("*) passed=$((passed + 1)) ;;
        *)
            failed=$((failed + 1))
            echo "$l.sym: no test calls $name"
            ;;
        esac
    done <"$l/$l.sym"
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
