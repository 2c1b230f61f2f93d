#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# coverage_page - fails when the committed coverage page is not what the built archives give.
#
#   coverage_page.sh COVERAGE.SH PAGE APIGEN TYPES.api CALLS.api SHIM-ARCHIVE WORKER SOFT-ARCHIVE
set -eu
made=$(mktemp)
trap 'rm -f "$made"' EXIT
"$1" "$3" "$4" "$5" "$made" "$6" "$7" "$8"
if ! diff -u "$2" "$made"; then
    echo "$2 is out of date: ninja coverage-page, then copy tests/apigen/coverage.md there" >&2
    exit 1
fi
