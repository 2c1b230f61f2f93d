#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# runtimes - the same program over every stock shared CUDA runtime, on the vGPU.
#
#   tests/clients/runtimes.sh            BUILD names the build folder
#
# One vector add, built by nvcc for 12.x and for 13.x, runs over each of them, and a handle of
# cuBLAS 12 is made. Static runtimes, and runtimes without a kernel, are in meson.build.
# Ends with `N passed, N failed`.
set -uo pipefail
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
eval "$(tools/fetch --shell)"
passed=0 failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# try NAME LIBRARIES COMMAND...: the program must say PASS
try() {
    local name=$1 libraries=$2
    shift 2
    if LD_LIBRARY_PATH=$libraries timeout 120 "$BUILD/vgpu" run -- "$@" >"$work/log" 2>&1 &&
        grep -qE "^PASS(:|$)" "$work/log"; then
        passed=$((passed + 1))
        echo "ok      $name"
    else
        failed=$((failed + 1))
        echo "FAILED  $name"
        tail -n 12 "$work/log"
    fi
}

# compile TOOLKIT KIND OUT
compile() {
    mkdir -p "$work/lib"
    "$1/bin/nvcc" -gencode arch=compute_80,code=compute_80 -cudart "$2" -I tests/conformance \
        tests/conformance/vector_add.cu -o "$3" || failed=$((failed + 1))
}

compile "$CUDA13" shared "$work/shared13"
compile "$CUDA129" shared "$work/shared12"
for version in 130 131 133 134 135; do
    library=CUDART$version
    try "vector add, shared runtime ${version:0:2}.${version:2}" "${!library}" "$work/shared13"
done
for version in 128 129; do
    library=CUDART$version
    try "vector add, shared runtime ${version:0:2}.${version:2}" "${!library}" "$work/shared12"
done
gcc -O1 tests/clients/open_cublas.c -ldl -o "$work/open_cublas" || failed=$((failed + 1))
try "cublasCreate of cuBLAS 12" "$CUDART129:$CUBLAS12" "$work/open_cublas" \
    "$CUBLAS12/libcublas.so.12"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
