#!/bin/sh
# The libraries that palmesh and its tests need, for programs that no package
# is for: linked with musl, or of 32 bits. They are made from the sources of
# this Debian or Ubuntu, once; the cache is ~/.cache/palmesh.
#
# usage: libraries.sh musl|32
# Prints the arguments for configure, quoted for eval. Needed beside what
# quickstart installs: musl-tools, or gcc-multilib.
set -eu

sources='apr apr-util cunit expat protobuf-c'

fail() {
    echo "libraries.sh: $1" >&2
    exit 1
}

# musl-gcc sees no headers but musl's own, so those of the kernel are linked.
choose_compiler() {
    case $1 in
    musl)
        command -v musl-gcc >/dev/null || fail 'musl-tools is missing'
        mkdir -p "$cache/kernel"
        for d in linux asm asm-generic; do
            for from in /usr/include "/usr/include/$(cc -print-multiarch)"; do
                [ ! -d "$from/$d" ] || ln -sfn "$from/$d" "$cache/kernel/$d"
            done
        done
        compiler="musl-gcc -isystem $cache/kernel"
        machine=$(cc -dumpmachine)
        ;;
    32)
        compiler='gcc -m32'
        machine=i686-linux-gnu
        ;;
    *) fail 'usage: libraries.sh musl|32' ;;
    esac
    echo 'int main(void) { return 0; }' >"$cache/empty.c"
    $compiler -o "$cache/empty" "$cache/empty.c" && "$cache/empty" ||
        fail "'$compiler' makes no programs that run here"
}

# What apt knows packages of it can get sources of; its own lists stay as they
# are.
fetch() {
    . /etc/os-release
    mkdir -p "$cache/lists/partial" "$cache/sources"
    apt-get indextargets --format \
        '$(ORIGIN) deb-src $(REPO_URI) $(CODENAME) $(COMPONENT)' \
        'Created-By: Packages' | grep -i "^$ID " | cut -d ' ' -f 2- |
        sort -u >"$cache/sources.list"
    set -- -q -o "Dir::Etc::SourceList=$cache/sources.list" \
        -o Dir::Etc::SourceParts=/dev/null \
        -o "Dir::State::Lists=$cache/lists" -o Dir::Cache::pkgcache= \
        -o Dir::Cache::srcpkgcache=
    apt-get "$@" update || return
    (cd "$cache/sources" && apt-get "$@" source --download-only \
        --tar-only $sources)
}

# make_library NAME CONFIGURE-OPTION...: into the folder for all of them
make_library() {
    name=$1
    shift
    rm -rf "${cache:?}/$name"
    mkdir "$cache/$name" || return
    tar -C "$cache/$name" --strip-components=1 \
        -xf "$cache/sources/$name"_*.orig.tar.*[2z] || return
    (cd "$cache/$name" &&
        { [ -f configure ] || { cd "$name" && autoreconf -fi; }; } &&
        ./configure -q --prefix="$cache" \
        --build="$machine" --disable-shared CC="$compiler" \
        PKG_CONFIG_LIBDIR="$cache/lib/pkgconfig" "$@" && make -s -j2 &&
        make -s -j1 install)
}

make_all() {
    fetch &&
        make_library apr &&
        make_library expat --without-xmlwf --without-tests \
            --without-examples &&
        make_library apr-util --with-apr="$cache" --with-expat="$cache" &&
        make_library cunit &&
        make_library protobuf-c --disable-protoc
}

cache=${XDG_CACHE_HOME:-$HOME/.cache}/palmesh/${1:-}
mkdir -p "$cache"
choose_compiler "${1:-}"
if [ ! -f "$cache/complete" ]; then
    make_all >"$cache/log" 2>&1 </dev/null || {
        tail -n 50 "$cache/log" >&2
        fail "see $cache/log"
    }
    touch "$cache/complete"
fi
echo "--build='$machine' CC='$compiler' CC_FOR_BUILD=cc" \
    "PKG_CONFIG_LIBDIR='$cache/lib/pkgconfig'"
