#!/bin/sh
# Runs a test program under Wine, and a script by itself. Lines end as they do
# on the machine that reads the log.
case $1 in
*.sh) RUN="sh $0" exec sh "$@" ;;
esac
# Each wake of a thread is a question to Wine's server.
[ -f "$1" ] || { p=$1.exe && shift && set -- "$p" "$@"; }
export STRESS=${STRESS:-20}
# Not into a pipe: Wine's services, which the first program starts, keep all
# that it has open, and the end of the pipe would come with theirs.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Now and then the main thread of a program is gone under Wine and the others
# are not, and nobody would end it.
status=0
timeout -k 5 120 wine "$@" </dev/null >"$log" 2>&1 || status=$?
tr -d '\r' <"$log"
exit "$status"
