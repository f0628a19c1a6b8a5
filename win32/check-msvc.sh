#!/bin/sh
# Compiles every file that the projects list as Visual Studio would: with
# clang-cl for the MSVC target at /W4, without GNU extensions, against Wine's
# copies of the headers of Windows. check-msvc.sh BUILD-FOLDER: where
# check-win32.sh has built, for what it generated.
set -eu
srcdir=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "$1" && pwd)
clang=
for c in clang-cl-14 clang-cl; do
    ! command -v $c >/dev/null || { clang=$c && break; }
done
headers=/usr/include/wine/wine
if [ -z "$clang" ] || [ ! -d $headers/windows ]; then
    echo 'check-msvc: no clang-cl (clang-tools-14) or no libwine-dev'
    exit 0
fi
deps=$(PKG_CONFIG_LIBDIR=${PKG_CONFIG_LIBDIR:?} pkg-config --cflags apr-1 \
    apr-util-1 expat libprotobuf-c)
layers=
for l in core payload node link channel membership host; do
    layers="$layers -I$srcdir/mesh/$l"
done
passed=0 failed=0
cd "$srcdir/win32"
for project in pal mesh meshdemo; do
    for f in $(sed -n 's/.*<ClCompile Include="\.\.\\\(.*\)" \/>.*/\1/p' \
        $project.vcxproj | tr '\\' /); do
        if $clang --target=x86_64-pc-windows-msvc /c /W4 /WX /std:c11 /utf-8 \
            /nologo /Fo/dev/null -Wgnu -Wvla -Wpointer-arith \
            /imsvc $headers/msvcrt /imsvc $headers/windows \
            /FI"$srcdir/win32/wine-headers.h" \
            -D_WIN32_WINNT=0x0A00 -DWIN32_LEAN_AND_MEAN \
            -D_CRT_SECURE_NO_WARNINGS -D_CRT_NONSTDC_NO_WARNINGS \
            '-DPAL_KEEPER_PATH=""' -I"$srcdir/win32" -I"$srcdir/pal" \
            -I"$srcdir/app" $layers -I"$srcdir/pal/include" \
            -I"$srcdir/mesh/include" -I"$build/mesh/proto" -I"$build/app" \
            $deps "$srcdir/$f"; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
            echo "check-msvc: $f"
        fi
    done
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
