#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# toolkit - every size, offset, value and prototype of the description is that of a CUDA toolkit's
# cuda.h. Skips (77) where there is none: VGPU_CUDA_INCLUDE, or /usr/local/cuda/include.
#
#   toolkit.sh CC FACTS.c GEN-INCLUDE
set -eu
include=${VGPU_CUDA_INCLUDE:-/usr/local/cuda/include}
if [ ! -e "$include/cuda.h" ]; then
    echo "toolkit: no cuda.h in $include; VGPU_CUDA_INCLUDE names another folder"
    exit 77
fi
version=$(sed -n 's/^#define CUDA_VERSION \([0-9]*\)$/\1/p' "$include/cuda.h")
if [ "$version" != 13050 ]; then
    echo "toolkit: cuda.h is of version $version, the description of 13050"
    exit 77
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"$1" -w -I"$3" '-DFACTS_HEADER="cuda_types.h"' "$2" -o "$tmp/ours"
# all versions declared, none renamed; our prototypes then declare again what is there
"$1" -w -I"$include" -D__CUDA_API_VERSION_INTERNAL '-DFACTS_HEADER="cuda.h"' "$2" -o "$tmp/theirs"
"$tmp/ours" > "$tmp/ours.txt"
"$tmp/theirs" > "$tmp/theirs.txt"
diff "$tmp/ours.txt" "$tmp/theirs.txt"
echo "toolkit: $(wc -l < "$tmp/ours.txt") facts agree"
