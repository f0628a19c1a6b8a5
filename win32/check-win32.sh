#!/bin/sh
# Builds everything for Windows with the mingw compiler and runs the suite
# under Wine: check-win32.sh [MAKE-ARGUMENT...], or make check-win32. Builds
# in _check-win32 of the present folder. What it needs besides is built once
# and kept in ~/.cache/palmesh-win32 (XDG_CACHE_HOME).
set -eu

srcdir=$(cd "$(dirname "$0")/.." && pwd)
host=x86_64-w64-mingw32
packages='clang-tools-14 cmake dpkg-dev gcc-mingw-w64-x86-64 libwine-dev
    protobuf-c-compiler wine wine64'

is_installed() {
    dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q ' installed'
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

install_missing() {
    missing=
    for p in $packages; do
        is_installed "$p" || missing="$missing $p"
    done
    [ -n "$missing" ] || return 0
    if ! command -v apt-get >/dev/null; then
        echo "check-win32: only Debian's packages are known; here is none of:" \
            "$missing" >&2
        exit 2
    fi
    echo "to be installed with apt-get:$missing"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends $missing
}

# Kept under the checksum of what makes it; older ones go.
find_deps() {
    cache=${XDG_CACHE_HOME:-$HOME/.cache}/palmesh-win32
    key=$(sha256sum "$srcdir/win32/cross-deps.sh" | cut -c 1-16)
    deps=$cache/$key
    mkdir -p "$cache"
    exec 9>"$cache/lock"
    flock 9
    if [ ! -f "$deps/done" ]; then
        find "$cache" -mindepth 1 -maxdepth 1 -type d -exec rm -rf {} +
        sh "$srcdir/win32/cross-deps.sh" "$deps" 9>&-
        : >"$deps/done"
    fi
    exec 9>&-
}

install_missing
find_deps
export WINEPREFIX="$deps/wine" WINEDEBUG=-all \
    WINEDLLOVERRIDES='mscoree,mshtml=' \
    PKG_CONFIG_LIBDIR="$deps/prefix/lib/pkgconfig"
jobs=$(nproc)
mkdir -p _check-win32
cd _check-win32
[ -f Makefile ] || "$srcdir/configure" -q --host=$host PKG_CONFIG=pkg-config \
    --disable-shared --enable-werror
make -s -j "$jobs"
sh "$srcdir/win32/check-msvc.sh" . >check-msvc.log 2>&1 || {
    cat check-msvc.log
    exit 1
}
make -s -j "$jobs" check test_scripts= \
    LOG_COMPILER="$srcdir/win32/run-wine.sh" "$@"
