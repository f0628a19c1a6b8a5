#!/bin/sh
# The names a library exports are those of its .sym list, and those are the
# functions its public headers declare.
srcdir=${srcdir:-.}
passed=0 failed=0
tmp=${TMPDIR:-/tmp}/exports.$$
trap 'rm -f "$tmp".*' EXIT

# declared LIBRARY: names followed by "(", outside comments and macros
declared() {
    cat "$srcdir/$1/include/$1"/*.h | awk '
        { while ((i = index($0, "/*")) || open) {
              if (open) i = 0
              head = i ? substr($0, 1, i - 1) : ""
              rest = i ? substr($0, i + 2) : $0
              end = index(rest, "*/")
              open = !end
              $0 = head (end ? substr(rest, end + 2) : "")
              if (open) break
          }
          print }' | sed -e '/^ *#/d' -e '/typedef/d' |
        grep -oE "\\b$1_[a-z0-9_]+\\(" | tr -d '(' | sort -u
}

# same LEFT RIGHT WHAT
same() {
    if diff "$1" "$2"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$3"
    fi
}

for l in pal mesh; do
    sort "$srcdir/$l/$l.sym" >"$tmp.sym"
    declared $l >"$tmp.declared"
    same "$tmp.sym" "$tmp.declared" "$l.sym (<) and headers (>) differ"
    library=$l/.libs/lib$l-1.so
    if [ -f "$library" ]; then
        ${NM:-nm} -D --defined-only "$library" | awk '{print $3}' |
            sort >"$tmp.exported"
        same "$tmp.sym" "$tmp.exported" "$l.sym (<) and $library (>) differ"
    else
        echo "no $library: only the headers are checked"
    fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
