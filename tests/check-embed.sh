#!/bin/sh
# What pal/README.md says about pal in other projects: every snippet of it is
# taken from there, built, and run. Takes minutes; not part of make check.
srcdir=$(cd "${srcdir:-.}" && pwd) || exit 1
passed=0 failed=0
dir=$PWD/_check-embed
rm -rf "$dir"
mkdir "$dir" || exit 1
cd "$dir" || exit 1
prefix=$dir/installed
export CC="${CC:-cc}" LD_LIBRARY_PATH="$prefix/lib"
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig:${PKG_CONFIG_PATH:-}"
unset CFLAGS LDFLAGS MAKEFLAGS MAKELEVEL MFLAGS

# snippet KIND N: the Nth fenced block of the kind
snippet() {
    awk -v fence="\`\`\`$1" -v n="$2" '
        /^```/ { on = $0 == fence && ++seen == n; next } on' \
        "$srcdir/pal/README.md"
}

# try NAME COMMAND...: in a folder of that name
try() {
    name=$1
    shift
    mkdir "$name"
    (cd "$name" && set -e && "$@") >"$name.out" 2>&1 </dev/null
    if [ $? -eq 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        cat "$name.out"
        echo "failed: $name"
    fi
}

# says_hello PROGRAM: it is the first program of the text
says_hello() {
    [ "$("$@")" = "hello from a child
it has ended with 0" ]
}

# With everything that pal/ has in the source tree, and no more.
copy_pal() {
    tar -C "$srcdir" --exclude=autom4te.cache --exclude=build-aux \
        --exclude=Makefile.in --exclude=configure -cf - pal | tar xf -
}

alone() {
    copy_pal
    cd pal
    autoreconf -fi
    ./configure -q --enable-werror --prefix="$prefix" --libdir="$prefix/lib"
    make -j2 check
    make distcheck
    make install
}

soname() {
    objdump -p "$prefix/lib/libpal-1.so" | grep -q 'SONAME *libpal-1\.so\.1$'
    [ -f "$prefix/lib/libpal-1.a" ]
    [ -x "$prefix/libexec/pal-keeper" ]
}

manual_page() {
    grep -q '^\.Fo pal_loop_run$' "$prefix/share/man/man3/pal_loop.3"
    grep -q 'man3/pal_loop\.3$' "$prefix/share/man/man3/pal_loop_run.3"
}

pkg_config_shared() {
    snippet c 1 >program.c
    $CC program.c $(pkg-config --cflags --libs pal-1) -o program
    objdump -p program | grep -q 'NEEDED *libpal-1'
    says_hello ./program
}

pkg_config_static() {
    snippet c 1 >program.c
    $CC program.c $(pkg-config --cflags pal-1) \
        "$(pkg-config --variable=libdir pal-1)/libpal-1.a" \
        $(pkg-config --libs apr-1) -o program
    if objdump -p program | grep 'NEEDED *libpal-1'; then
        return 1
    fi
    says_hello ./program
}

# cmake_with TARGET
cmake_with() {
    snippet c 1 >program.c
    snippet cmake 1 | sed "s/ pal::pal)/ $1)/" >CMakeLists.txt
    cmake -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_VERBOSE_MAKEFILE=1 .
    make
    says_hello ./program
}

cmake_refuses() {
    snippet c 1 >program.c
    snippet cmake 1 | sed 's/pal-1 1\.0/pal-1 2.0/' >CMakeLists.txt
    ! cmake -DCMAKE_PREFIX_PATH="$prefix" .
}

# autotools N: with the Nth snippets
autotools() {
    copy_pal
    snippet c 1 >program.c
    snippet m4 "$1" >configure.ac
    snippet make "$1" >Makefile.am
    autoreconf -fi
    mkdir build
    cd build
    ../configure -q --prefix="$PWD/installed"
    make -j2
    says_hello ./program
    make install
    says_hello env LD_LIBRARY_PATH=installed/lib installed/bin/program
    make distcheck
}

try alone alone
try soname soname
try manual_page manual_page
try pkg_config_shared pkg_config_shared
try pkg_config_static pkg_config_static
if command -v cmake >/dev/null; then
    try cmake_shared cmake_with pal::pal
    try cmake_static cmake_with pal::pal_static
    try cmake_refuses cmake_refuses
else
    echo 'cmake is missing'
    failed=$((failed + 1))
fi
try subproject autotools 1
try copied_in autotools 2
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
