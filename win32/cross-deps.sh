#!/bin/sh
# What the Windows build needs, cross-built once for x86_64-w64-mingw32 from
# Debian's sources: cross-deps.sh FOLDER makes FOLDER/prefix (static libraries
# with their pkg-config files) and FOLDER/wine (a Wine prefix). The machine
# must have what check-win32.sh installs.
set -eu

folder=$1
host=x86_64-w64-mingw32
mkdir -p "$folder"
work=$folder/work prefix=$folder/prefix
log=$folder/log
rm -rf "$work" "$prefix" "$folder/wine"
mkdir -p "$work/src" "$prefix/lib/pkgconfig" "$prefix/include/protobuf-c" \
    "$prefix/include/CUnit"
cd "$work"

# step WHAT COMMAND...: its output is shown if it fails
step() {
    echo "cross-deps: $1"
    shift
    "$@" >"$log" 2>&1 </dev/null
}
trap '[ $? -eq 0 ] || cat "$log" >&2' EXIT

# The machine's own entries, asked for sources, in a private list. Not those
# of security updates: a mirror may have the one without the other.
source_lists() {
    mkdir -p apt/parts apt/lists/partial
    for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ ! -f "$f" ] || sed -n '/security/!s/^deb /deb-src /p' "$f"
    done >apt/parts/entries.list
    for f in /etc/apt/sources.list.d/*.sources; do
        [ ! -f "$f" ] || sed '/^#/d' "$f" |
            awk 'BEGIN { RS = ""; ORS = "\n\n" } !/\nSuites:[^\n]*security/ {
                sub(/Types:[^\n]*/, "Types: deb-src"); print }'
    done >apt/parts/entries.sources
}

apt() {
    apt-get -o Dir::Etc::sourcelist=/dev/null \
        -o Dir::Etc::sourceparts="$work/apt/parts" \
        -o Dir::State::lists="$work/apt/lists" "$@"
}

fetch() {
    apt update
    (cd src && apt source apr apr-util expat protobuf-c cunit)
}

toolchain() {
    cat <<END
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER $host-gcc)
set(CMAKE_RC_COMPILER $host-windres)
set(CMAKE_CROSSCOMPILING_EMULATOR wine)
set(CMAKE_FIND_ROOT_PATH $prefix)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
END
}

# configure SOURCE BUILD OPTION...
configure() {
    source=$1 build=$2
    shift 2
    cmake -S "$source" -B "$build" -DCMAKE_TOOLCHAIN_FILE="$work/toolchain" \
        -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_BUILD_TYPE=Release "$@"
}

# APR leaves headers out of windows.h that its own sources need, and that
# mingw's do not forgive.
headers='-D_WIN32_WINNT=0x0A00 -include winsock2.h -include ws2tcpip.h
    -include mswsock.h -include windows.h -include iphlpapi.h'
headers=$(echo $headers)

# A table is made by a program of the build, which has to run under Wine.
# gcc does not inline the Interlocked functions that APR would choose.
build_apr() {
    source=$(echo src/apr-1.*/)
    sed -i 's/COMMAND \$<TARGET_FILE:gen_test_char> >/COMMAND gen_test_char >/' \
        "$source/CMakeLists.txt"
    configure "$source" apr -DINSTALL_PDB=OFF -DMIN_WINDOWS_VER=Windows7 \
        "-DCMAKE_C_FLAGS=$headers -DUSE_ATOMICS_GENERIC"
    cmake --build apr -j2 --target apr-1
    cp apr/libapr-1.a "$prefix/lib"
    cp apr/apr.h "$source"/include/apr_*.h "$prefix/include"
}

# Debian's patched source expects the configure script's idea of a switch.
build_expat() {
    source=$(echo src/expat-*/expat)
    sed -i 's/#cmakedefine XML_DTD$/#cmakedefine XML_DTD 1/' \
        "$source/expat_config.h.cmake"
    configure "$source" expat -DEXPAT_SHARED_LIBS=OFF -DEXPAT_BUILD_TOOLS=OFF \
        -DEXPAT_BUILD_EXAMPLES=OFF -DEXPAT_BUILD_TESTS=OFF \
        -DEXPAT_BUILD_DOCS=OFF
    cmake --build expat -j2 --target install
}

build_apr_util() {
    source=$(echo src/apr-util-*/)
    configure "$source" apr-util -DAPU_HAVE_ODBC=OFF -DAPR_HAS_LDAP=OFF \
        -DAPR_INCLUDE_DIR="$prefix/include" \
        -DAPR_LIBRARIES="$prefix/lib/libapr-1.a" \
        -DEXPAT_INCLUDE_DIR="$prefix/include" \
        -DEXPAT_LIBRARY="$prefix/lib/libexpat.a" "-DCMAKE_C_FLAGS=$headers"
    cmake --build apr-util -j2 --target aprutil-1
    cp apr-util/libaprutil-1.a "$prefix/lib"
    cp "$source"/include/*.h apr-util/*.h "$prefix/include"
}

build_protobuf_c() {
    source=$(echo src/protobuf-c-*/)
    $host-gcc -O2 -I"$source" -c "$source/protobuf-c/protobuf-c.c" \
        -o protobuf-c.o
    $host-ar rcs "$prefix/lib/libprotobuf-c.a" protobuf-c.o
    cp "$source/protobuf-c/protobuf-c.h" "$prefix/include/protobuf-c"
}

build_cunit() {
    source=$(echo src/cunit-*/)/CUnit
    mkdir -p cunit
    for f in Basic/Basic Automated/Automated Console/Console \
        Framework/CUError Framework/MyMem Framework/TestDB \
        Framework/TestRun Framework/Util; do
        $host-gcc -O2 '-DVERSION="2.1-3"' -I"$source/Headers" \
            -c "$source/Sources/$f.c" -o "cunit/$(basename $f).o"
    done
    $host-ar rcs "$prefix/lib/libcunit.a" cunit/*.o
    cp "$source"/Headers/*.h "$prefix/include/CUnit"
}

# describe NAME VERSION CFLAGS LIBS
describe() {
    cat >"$prefix/lib/pkgconfig/$1.pc" <<END
Name: $1
Description: $1, cross-built
Version: $2
Cflags: -I$prefix/include $3
Libs: -L$prefix/lib $4
END
}

# version FOLDER-PATTERN
version() {
    basename "$(echo src/$1)" | sed 's/^[a-z-]*-\([0-9.]*\).*/\1/'
}

describe_all() {
    describe apr-1 "$(version 'apr-1.*[0-9]')" -DAPR_DECLARE_STATIC \
        '-lapr-1 -lws2_32 -lmswsock -lrpcrt4 -lole32 -ladvapi32 -lshell32 -liphlpapi'
    describe apr-util-1 "$(version 'apr-util-*[0-9]')" -DAPU_DECLARE_STATIC \
        '-laprutil-1'
    describe expat "$(version 'expat-*[0-9]')" -DXML_STATIC -lexpat
    describe libprotobuf-c "$(version 'protobuf-c-*[0-9]')" '' -lprotobuf-c
    describe cunit 2.1.3 '' -lcunit
}

# WINEPREFIX is created by the first program; so is a server that goes on.
make_wine() {
    wineboot -i
    wine winecfg -v win10
    wineserver -w
}

export WINEPREFIX="$folder/wine" WINEDEBUG=-all \
    WINEDLLOVERRIDES='mscoree,mshtml=' WINEARCH=win64
source_lists
toolchain >toolchain
step 'a Wine prefix' make_wine
step 'fetching sources' fetch
step apr build_apr
step expat build_expat
step apr-util build_apr_util
step protobuf-c build_protobuf_c
step CUnit build_cunit
describe_all
cd "$folder"
rm -rf "$work" "$log"
