#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A preloaded shim does nothing before the first CUDA call: with it a program makes the same
# system calls as without, but for those with which the loader maps a library.
set -eu

library=$(realpath "$1") # ld.so asks for the working directory when a path is relative
skip() {
    echo "silence: $1"
    exit 77
}
command -v strace > /dev/null 2>&1 || skip "strace is not installed"
strace -o /dev/null true 2> /dev/null || skip "tracing is not allowed here"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# counts of all system calls but the loader's
count() {
    sed -E -e '/^[0-9]* *(\+\+\+|---)/d' -e '/resumed>/d' -e 's/^[0-9]+ +//' -e 's/\(.*//' "$1" |
        grep -vxE 'openat|read|pread64|mmap|mprotect|munmap|close|fstat|newfstatat|brk|access' |
        sort | uniq -c
}

check() {
    # the program's own verdict does not matter here (sshd may miss its keys)
    strace -f -o "$work/plain" "$@" > /dev/null 2>&1 || true
    strace -f -E LD_PRELOAD="$library" -o "$work/with" "$@" > /dev/null 2>&1 || true
    count "$work/plain" > "$work/plain.counts"
    count "$work/with" > "$work/with.counts"
    if ! diff "$work/plain.counts" "$work/with.counts"; then
        echo "FAIL: $1 makes other system calls with the library"
        exit 1
    fi
    # the loader itself looks in the library's folder, whatever that is called
    if grep -qE 'client\.conf|(etc|run|shm|\.config)/vgpu|/vgpu-worker' "$work/with"; then
        echo "FAIL: $1 looks for our files"
        exit 1
    fi
    grep -q "openat.*$(basename "$library")" "$work/with" || {
        echo "FAIL: $1 did not load the library"
        exit 1
    }
}

check /bin/true
check /bin/bash -c :
if [ -x /usr/bin/python3 ]; then
    check /usr/bin/python3 -S -c pass
fi
if [ -x /usr/sbin/sshd ]; then
    check /usr/sbin/sshd -t
fi
echo PASS
