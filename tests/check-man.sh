#!/bin/sh
# Every public function has a manual page, pages are well formed, and nothing
# that a header says is lost on its way into its page.
srcdir=${srcdir:-.}
passed=0 failed=0
tmp=${TMPDIR:-/tmp}/man.$$
trap 'rm -f "$tmp".*' EXIT

# result STATUS WHAT
result() {
    if [ "$1" -eq 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$2"
    fi
}

if command -v man >/dev/null; then
    find_page() { man -M "$PWD" -w 3 "$1"; }
else
    echo 'no man: pages are looked for by name'
    find_page() { ls "man3/$1.3"; }
fi
for f in $(cat "$srcdir/pal/pal.sym" "$srcdir/mesh/mesh.sym"); do
    find_page "$f" >/dev/null && (cd man3 && target=$(sed -n \
        's|^\.so man3/||p' "$f.3") && grep -qx "\.Fo $f" "${target:-$f.3}")
    result $? "no manual page of $f"
done

if command -v mandoc >/dev/null; then
    lint='mandoc -T lint -W warning'
elif command -v groff >/dev/null; then
    lint='groff -mandoc -z -ww'
else
    echo 'neither mandoc nor groff: the form of the pages is not checked'
    lint=true
fi

# The words of a file, one a line, in order.
words() {
    tr -cs 'A-Za-z0-9_' '\n' | sort
}

for header in "$srcdir"/pal/include/pal/*.h "$srcdir"/mesh/include/mesh/*.h; do
    name=$(basename "$header" .h)
    library=$(basename "$(dirname "$header")")
    page=man3/${library}_$name.3
    [ "$name" != "$library" ] || page=man3/$name.3
    complaints=$($lint "$page" 2>&1 | grep -v 'mandoc.db')
    [ -z "$complaints" ]
    result $? "$complaints"
    sed -e '/^#ifdef __cplusplus/,/^#endif/d' -e '/^#endif$/d' \
        -e '/^#include/d' -e '/^#ifndef .*_H$/d' \
        -e '/^#define [A-Z_]*_H$/d' "$header" | words >"$tmp.header"
    sed -e 's/\\f[IP]/ /g' -e 's/\\[e&]/ /g' "$page" | words >"$tmp.page"
    comm -23 "$tmp.header" "$tmp.page" >"$tmp.lost"
    [ ! -s "$tmp.lost" ]
    result $? "$page lacks of its header: $(tr '\n' ' ' <"$tmp.lost")"
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
