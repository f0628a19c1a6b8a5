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

prints '11 bytes: hello there' 0 examples/region 'hello there'
prints '' 1 examples/region ''
prints 'descriptor 3: Bad file descriptor' 1 sh -c \
    'exec 3<&-; exec examples/region'

# Two clients of a server, and one that comes too late.
meet() (
    folder=$(mktemp -d) || exit
    trap 'rm -rf "$folder"' EXIT
    mkfifo "$folder/news"
    examples/listener serve "$folder/socket" 2 >"$folder/news" &
    read -r line <"$folder/news" && echo "$line"
    examples/listener call "$folder/socket" one
    examples/listener call "$folder/socket" two
    wait $! && ls "$folder"
    examples/listener call "$folder/socket" three 2>&1 | sed 's/.*: //'
)
prints 'listening
hello one
hello two
news
No such file or directory' 0 meet

# Held by what there is: a cgroup or process groups.
left_behind() {
    KEEPER=pal/pal-keeper examples/job "$@" | sed 's/held by .*/held/'
}
if [ -f pal/pal-keeper ]; then
    prints 'held
code 4, 2 left behind' 0 left_behind /bin/sh -c \
        'sleep 100 & sleep 100 & exit 4'
else # configure --disable-linux-native
    prints 'pal_job_open: This function has not been implemented on this platform' \
        0 left_behind /bin/true
fi

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
