#!/bin/sh
# The conformance parent against our own host: with no further arguments for
# the host, and with one. RUN: what runs programs, if not this machine.
cd tests/conform || exit 1
{
    $RUN ./conform-parent --strict ./conform-host
    $RUN ./conform-parent --strict ./conform-host 'an argument'
} | awk '/^[0-9]+ passed, [0-9]+ failed$/ { p += $1; f += $3; n++; next }
    { print }
    END { f += 2 - n; print p + 0 " passed, " f " failed"; exit f > 0 }'
