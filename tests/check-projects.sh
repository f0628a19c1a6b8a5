#!/bin/sh
# What Visual Studio reads lists what the makefiles list.
srcdir=${srcdir:-.}
passed=0 failed=0
tmp=${TMPDIR:-/tmp}/projects.$$
trap 'rm -rf "$tmp"' EXIT

mkdir "$tmp" && sh "$srcdir/win32/gen-projects.sh" "$tmp" || exit 1
for f in "$tmp"/*; do
    if diff "$srcdir/win32/$(basename "$f")" "$f"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "win32/$(basename "$f"): make it anew by win32/gen-projects.sh"
    fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
