#!/bin/sh
# Layout by clang-format; functions of at most 70 lines, files of at most 900,
# lines of at most 79 characters, where clang-format leaves comments alone.
cd "${srcdir:-.}" || exit 1
passed=0 failed=0

format=
for c in clang-format-14 clang-format; do
    # Other versions lay out a few things differently.
    if $c --version 2>/dev/null | grep -q 'version 14\.'; then
        format=$c
        break
    fi
done
[ -n "$format" ] || echo "no clang-format 14: only lengths are checked"

long_functions() {
    awk '/^\{/ { start = NR }
        /^\}/ { if (start && NR - start > 71)
                    print FILENAME ":" start ": function of " NR - start - 1 " lines"
                start = 0 }' "$1"
}

# A build in the tree leaves generated files.
for f in $(find pal mesh app bench examples tests fuzz -name '*.[ch]' \
    ! -name '*.pb-c.[ch]' ! -name 'syscalls_*.h' ! -name config.h | sort); do
    bad=$(long_functions "$f"
        awk 'length > 79 { print FILENAME ":" FNR ": " length " characters" }
            END { if (NR > 900) print FILENAME ": " NR " lines" }' "$f"
        [ -z "$format" ] || $format "$f" | cmp -s - "$f" ||
            echo "$f: lay it out with $format -i")
    if [ -z "$bad" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$bad"
    fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
