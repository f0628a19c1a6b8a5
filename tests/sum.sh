#!/bin/sh
# Adds up the last lines of test programs: sum.sh FILE-OR-FOLDER...
find "$@" -name '*.log' ! -name test-suite.log -type f -exec \
    awk '/^[0-9]+ passed, [0-9]+ failed$/ { passed[FILENAME] = $1; failed[FILENAME] = $3 }
        END { for (f in passed) print passed[f], failed[f] }' {} + |
    awk '{ p += $1; f += $2 } END { print p + 0 " passed, " f + 0 " failed" }'
