#!/bin/sh
# The first program of README.md compiles as pasted, runs and prints something.
srcdir=${srcdir:-.}
dir=readme.tmp
rm -rf $dir
mkdir $dir || exit 1
trap 'rm -rf $dir' EXIT

fail() {
    echo "$1"
    echo "0 passed, 1 failed"
    exit 1
}

awk '/^```c$/ { on = 1; next } /^```/ { if (on) exit } on' \
    "$srcdir/README.md" >$dir/program.c
[ -s $dir/program.c ] || fail "README.md has no program"
${CC:-cc} -Wall -Werror -I"$srcdir/pal/include" \
    -I"$srcdir/mesh/include" $HEADER_CFLAGS $CFLAGS \
    -c $dir/program.c -o $dir/program.o || fail "it does not compile"
./libtool --silent --tag=CC --mode=link ${CC:-cc} $CFLAGS $LDFLAGS \
    -o $dir/program $dir/program.o mesh/libmesh-1.la pal/libpal-1.la \
    $APR_LIBS || fail "it does not link"
$dir/program >$dir/output || fail "it ends with status $?"
[ -s $dir/output ] || fail "it prints nothing"
echo "1 passed, 0 failed"
