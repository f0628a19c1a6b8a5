#!/bin/sh
# The manual pages declare the functions of their headers, word for word, name
# them all, and are well formed.
cd "${srcdir:-.}" || exit 1
passed=0 failed=0
tmp=${TMPDIR:-/tmp}/man.$$
trap 'rm -f "$tmp".*' EXIT

# same LEFT RIGHT WHAT
same() {
    if diff "$1" "$2"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$3"
    fi
}

# Functions that headers declare, one a line.
declared() {
    sed -e '/^#/d' -e '/^extern "C"/d' "$@" | tr '\n' ' ' | awk '{
        while (start = index($0, "/*")) {
            rest = substr($0, start)
            $0 = substr($0, 1, start - 1) substr(rest, index(rest, "*/") + 2)
        }
        gsub(/;/, "\n")
        print }' | sed -e 's/  */ /g' -e 's/^ //' |
        grep -E '^[a-z].*[a-z_)]\(' | sort
}

# The same from the synopses of pages.
described() {
    awk '/^\.Sh / { inside = $2 == "SYNOPSIS" }
        inside && /^\.Ft / { type = substr($0, 5) }
        inside && /^\.Fn / {
            n = split(substr($0, 5), part, / *"/)
            line = type " " part[1] "("
            for (i = 2; i < n; i += 2)
                line = line (i > 2 ? ", " : "") part[i]
            sub(/\* /, "*", line)
            print line ")" }' "$@" | sort
}

names() {
    awk '/^\.Sh / { inside = $2 == "NAME" }
        inside && /^\.Nm / { print $2 }' "$@" | sort
}

declared pal/include/pal/privilege.h pal/include/pal/process.h \
    pal/include/pal/job.h >"$tmp.declared"
described docs/man/*.3 >"$tmp.described"
same "$tmp.declared" "$tmp.described" "headers (<) and pages (>) differ"
sed -n 's/.*[ *]\(pal_[a-z0-9_]*\)(.*/\1/p' "$tmp.described" | sort >"$tmp.names"
names docs/man/*.3 >"$tmp.named"
same "$tmp.names" "$tmp.named" "synopses (<) and names (>) differ"

if command -v mandoc >/dev/null; then
    lint='mandoc -T lint -W warning'
elif command -v groff >/dev/null; then
    lint='groff -mandoc -z -ww'
else
    echo "neither mandoc nor groff: the form of the pages is not checked"
    lint=true
fi
for page in docs/man/*.3; do
    complaints=$($lint "$page" 2>&1 | grep -v 'mandoc.db')
    if [ -z "$complaints" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$complaints"
    fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
