#!/bin/sh
# Headers of an operating system, and its macros, stay where platform code is.
# A loop around poll(2) is what one example is about.
cd "${srcdir:-.}" || exit 1
passed=0 failed=0

system='<(aio|arpa/.*|asm/.*|bits/.*|dirent|dlfcn|fcntl|grp|ifaddrs|linux/.*|mach/.*|net/.*|netdb|netinet/.*|poll|pthread|pwd|sched|semaphore|spawn|sys/.*|syslog|termios|ucontext|unistd|wait|windows|winsock2?|winternl|io|process)\.h>'
macros='\b(_WIN32|_WIN64|WIN32|_MSC_VER|__linux__|__unix__|__APPLE__|__FreeBSD__)\b'

# find_in PATTERN FOLDER...: every file is one check
find_in() {
    pattern=$1
    shift
    for f in $(find "$@" -name '*.[ch]' | grep -vE '^(pal|tests)/(unix|win32)/|^examples/loop_poll' |
        sort); do
        if hits=$(grep -nE "$pattern" "$f"); then
            failed=$((failed + 1))
            echo "$hits" | sed "s|^|$f:|"
        else
            passed=$((passed + 1))
        fi
    done
}

find_in "^ *# *include *$system" pal mesh app examples tests fuzz
find_in "$macros" mesh app bench examples tests fuzz
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
