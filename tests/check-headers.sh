#!/bin/sh
# Every public header compiles alone, as C and as C++, and twice.
srcdir=${srcdir:-.}
passed=0 failed=0

# compile HEADER COMPILER...
compile() {
    header=$1
    shift
    if printf '#include <%s>\n#include <%s>\n' "$header" "$header" |
        "$@" -fsyntax-only -Wall -Wextra -Wpedantic -Werror \
            -I"$srcdir/pal/include" -I"$srcdir/mesh/include" $HEADER_CFLAGS -; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$header does not compile alone with: $*"
    fi
}

cxx=
for c in ${CXX:-c++ g++ clang++}; do
    command -v "$c" >/dev/null && cxx=$c && break
done
[ -n "$cxx" ] || echo "no C++ compiler: only C is checked"
for f in "$srcdir"/pal/include/pal/*.h "$srcdir"/mesh/include/mesh/*.h; do
    header=$(basename "$(dirname "$f")")/$(basename "$f")
    compile "$header" ${CC:-cc} -std=c11 -x c
    [ -z "$cxx" ] || compile "$header" "$cxx" -std=c++11 -x c++
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
