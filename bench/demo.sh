#!/bin/sh
# How fast meshdemo is, as ratios measured in one run:
#
#  1. many small documents: `meshdemo check` against one confined process per
#     document (`xargs -n1 meshdemo check -j1`). The latter is slow, so it gets
#     fewer documents, and times are compared per document. Goal: 10x faster.
#  2. one large document: `meshdemo check -j1` against `--in-process`, the same
#     parser without a second process. Goal: within 10 %.
#
# Beside them, where it is installed, `xmllint --noout`. What is compared takes
# turns, round by round; the figures are medians.
#
# usage: bench/demo.sh [MESHDEMO]
#
# Environment: ROUNDS, SMALL (documents), EACH (documents with a process each),
# LARGE (megabytes).
set -eu
export LC_ALL=C

demo=${1:-./app/meshdemo}
rounds=${ROUNDS:-7}
n_small=${SMALL:-5000}
n_each=${EACH:-500}
n_large=${LARGE:-200}

[ -x "$demo" ] || { echo "$0: $demo: no such program" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM

# About 2 KB each: a list of entries.
make_small() {
    mkdir "$folder/small"
    awk -v n="$n_small" -v folder="$folder/small" 'BEGIN {
        for (i = 0; i < n; i++) {
            file = sprintf("%s/%06d.xml", folder, i)
            print "<?xml version=\"1.0\"?>\n<list id=\"" i "\">" >file
            for (k = 0; k < 25; k++)
                print "  <entry n=\"" k "\"><name>number " i * k \
                    "</name><!-- one of many --><empty/></entry>" >file
            print "</list>" >file
            close(file)
        }
    }'
}

make_large() {
    awk -v size="$n_large" 'BEGIN {
        print "<?xml version=\"1.0\"?>\n<log>"
        for (len = 0; len < size * 1000000; i++) {
            line = "  <event id=\"" i "\" level=\"info\"><what>The door was" \
                " opened &amp; closed</what><where x=\"" i % 100 "\" y=\"" \
                i % 77 "\"/></event>"
            print line
            len += length(line) + 1
        }
        print "</log>"
    }' >"$folder/large.xml"
}

# timed NAME COMMAND...: adds the microseconds it takes to $folder/NAME.
timed() {
    name=$1
    shift
    start=$(date +%s%N)
    "$@" >/dev/null 2>"$folder/errors" || {
        echo "$0: failed: $*" >&2
        cat "$folder/errors" >&2
        exit 1
    }
    stop=$(date +%s%N)
    echo $(((stop - start) / 1000)) >>"$folder/$name"
}

each() {
    find "$folder/small" -name '*.xml' | sort | head -n "$n_each" \
        | xargs -n1 "$@"
}

median() {
    sort -n "$folder/$1" | awk '{ v[NR] = $1 }
        END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# per NAME N: the median for one of N documents.
per() {
    awk -v us="$(median "$1")" -v n="$2" 'BEGIN { printf "%.1f", us / n }'
}

ratio() {
    awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3g", a / b }'
}

rate() {
    awk -v us="$(median "$1")" -v mb="$n_large" \
        'BEGIN { printf "%.0f", mb * 1e6 / us }'
}

have_xmllint=$(command -v xmllint || true)
make_small
make_large

round=0
while [ "$round" -lt "$rounds" ]; do
    timed workers "$demo" check "$folder/small"
    timed each each "$demo" check -j1
    timed large-worker "$demo" check -j1 "$folder/large.xml"
    timed large-here "$demo" check --in-process "$folder/large.xml"
    if [ "$have_xmllint" ]; then
        timed xmllint-each each xmllint --noout
        timed xmllint-large xmllint --noout --huge "$folder/large.xml"
    fi
    round=$((round + 1))
done

workers=$(per workers "$n_small")
each=$(per each "$n_each")
echo "$n_small small documents, microseconds a document, $rounds rounds:"
echo "  meshdemo check                    $workers"
echo "  xargs -n1 meshdemo check -j1      $each (of $n_each documents)"
[ -z "$have_xmllint" ] \
    || echo "  xargs -n1 xmllint --noout         $(per xmllint-each "$n_each") (of $n_each documents)"
echo "  ratio                             $(ratio "$each" "$workers") (goal: 10 or more)"
echo "one document of $n_large MB, MB/s, $rounds rounds:"
echo "  meshdemo check -j1                $(rate large-worker)"
echo "  meshdemo check --in-process       $(rate large-here)"
[ -z "$have_xmllint" ] \
    || echo "  xmllint --noout --huge            $(rate xmllint-large)"
echo "  ratio of the times                $(ratio "$(median large-worker)" "$(median large-here)") (goal: 1.1 or less)"
