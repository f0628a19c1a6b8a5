#!/bin/sh
# The programs in examples/ do what they are there to show.
passed=0 failed=0

# prints TEXT STATUS COMMAND...
prints() {
    expected=$1 status=$2
    shift 2
    output=$("$@" 2>&1)
    result=$?
    if [ "$output" = "$expected" ] && [ $result -eq "$status" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$*: exit status $result, and it printed"
        echo "$output"
    fi
}

prints '6: hello
ended: code 0, signal 0' 0 examples/process 20 /bin/echo hello
prints 'ended: code 3, signal 0' 0 examples/process 20 /bin/sh -c 'exit 3'
prints 'time is up: code -1, signal 9' 0 examples/process 0 /bin/sleep 100
prints 'running the program: No such file or directory' 1 \
    examples/process 20 /nowhere

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
