#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# golden - the generator's output for a small description is what golden/ holds, a second run
# gives the same bytes, and each broken description is refused with the message that its
# first line announces.
#
#   golden.sh APIGEN        compares
#   golden.sh APIGEN new    writes golden/ anew; look at the difference before you commit it
set -u
apigen=$1
here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failed=0

mkdir "$tmp/a" "$tmp/b"
"$apigen" "$here/small-types.api" "$here/small.api" "$tmp/a" || exit 1
"$apigen" coverage "$here/small-types.api" "$here/small.api" "$tmp/a/coverage.md" || exit 1
"$apigen" "$here/small-types.api" "$here/small.api" "$tmp/b" || exit 1
"$apigen" coverage "$here/small-types.api" "$here/small.api" "$tmp/b/coverage.md" || exit 1
if ! diff -r "$tmp/a" "$tmp/b"; then
    echo "golden: two runs differ"
    failed=1
fi
# the names end in .txt, so that no tool takes them for sources of ours
for file in "$tmp"/a/*; do
    mv "$file" "$file.txt"
done
if [ "${2:-}" = new ]; then
    rm -rf "$here/golden"
    cp -r "$tmp/a" "$here/golden"
fi
if ! diff -ru "$here/golden" "$tmp/a"; then
    echo "golden: the output has changed"
    failed=1
fi

for bad in "$here"/bad/*.api; do
    name=$(basename "$bad")
    expected="$name:$(sed -n '1s/^# expect //p' "$bad")"
    got=$("$apigen" "$here/small-types.api" "$bad" "$tmp/b" 2>&1)
    status=$?
    if [ $status -ne 1 ] || [ "$got" != "$expected" ]; then
        echo "golden: $name: status $status"
        echo "  expected: $expected"
        echo "  got:      $got"
        failed=1
    fi
done
exit $failed
