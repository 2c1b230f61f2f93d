#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# coverage - writes the coverage page from the description and from the symbols of what was built.
#
#   coverage.sh APIGEN TYPES.api CALLS.api OUT SHIM-ARCHIVE WORKER SOFT-ARCHIVE
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
nm "$5" > "$tmp/shim" 2> /dev/null
nm "$6" > "$tmp/worker" 2> /dev/null
nm "$7" > "$tmp/soft" 2> /dev/null
"$1" coverage "$2" "$3" "$4" "shim=$tmp/shim" "worker=$tmp/worker" "soft=$tmp/soft"
