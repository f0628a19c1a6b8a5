#!/bin/sh
# The core and the payload layer do no I/O, read no clock, draw no random
# number and know neither pal nor threads: what their archives call, and what
# their files include, is on a list.
srcdir=${srcdir:-.}
passed=0 failed=0

memory='mem(cpy|move|set|cmp|chr)|str(len|cmp|ncmp|chr)|malloc|calloc|realloc|free'
compiler='__(stack_chk|assert)_fail|_GLOBAL_OFFSET_TABLE_|__(asan|ubsan|tsan|lsan)_.*|__gcov_.*|__mem(cpy|move|set)_chk|_+llvm_.*'
headers='<(mesh/[a-z_]+|apr|apr_(errno|pools|strings|tables|hash)|assert|limits|stddef|stdint|stdlib|string)\.h>'

# verdict WHAT BAD
verdict() {
    if [ -z "$2" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$1:" $2
    fi
}

# calls LAYER ALLOWED
calls() {
    archive=
    for f in mesh/.libs/lib$1.a mesh/lib$1.a; do
        [ -f "$f" ] && archive=$f
    done
    if [ -z "$archive" ]; then
        verdict "no archive of" "$1"
        return
    fi
    defined=$(${NM:-nm} "$archive" | awk 'NF == 3 && $2 ~ /[A-TV-Z]/ {print $3}')
    bad=$(${NM:-nm} -u "$archive" | awk '$1 == "U" {print $2}' | sort -u |
        grep -vxF "$defined" | grep -vxE "$memory|$compiler|$2")
    verdict "$1 calls" "$bad"
}

# includes LAYER ALLOWED
includes() {
    bad=$(grep -hE '^# *include' "$srcdir/mesh/$1"/*.[ch] |
        sed 's/^# *include *//' | sort -u | grep -vxE "$headers|$2")
    verdict "$1 includes" "$bad"
}

quoted() {
    for f in "$@"; do printf '|"%s"' "$(basename "$f")"; done
}

core=$(quoted "$srcdir"/mesh/core/*.h)
payload=$(quoted "$srcdir"/mesh/payload/*.h)
calls core 'apr_p(alloc|strdup|memdup)'
calls payload 'mesh__.*|protobuf_c_.*|apr_p(alloc|strdup|memdup)'
includes core "\"config.h\"$core"
includes payload "\"config.h\"$core$payload|<protobuf-c/protobuf-c.h>|\"mesh/mesh.pb-c.h\""
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
