#!/bin/sh
# Runs a test program under Wine, and a script by itself. Lines end as they do
# on the machine that reads the log.
case $1 in
*.sh) exec sh "$@" ;;
esac
# Each wake of a thread is a question to Wine's server.
export STRESS=${STRESS:-20}
exec 3>&1
status=$({ { wine "$@" 2>&1; echo $? >&4; } | tr -d '\r' >&3; } 4>&1)
exit "$status"
