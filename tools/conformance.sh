#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# conformance.sh - build our CUDA C programs with nvcc and run them on the vGPU.
#
#   tools/conformance.sh [-t TOOLKIT] MODE [static|shared] [NAME...]
#   tools/conformance.sh ptx          write tests/conformance/ptx anew
#
# MODE is inproc (the software GPU in the program's own process), worker (through
# `vgpu run`) or native (whatever libcuda.so.1 the loader finds: NVIDIA's). All programs when
# none is named, with the static and the shared runtime unless one is asked for. The compiler
# comes from $CUDA_TOOLKIT, or else from tools/fetch: CUDA13, or what -t names (CUDA129). The
# last line is `N passed, N failed`; the status is 77 when there is no compiler.
set -uo pipefail
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}
SOURCES=tests/conformance
LIMIT=${LIMIT:-300} # seconds a program may take
passed=0 failed=0

toolkit=CUDA13
if [ "${1:-}" = -t ]; then
    toolkit=$2
    shift 2
fi
mode=${1:-}
[ $# -eq 0 ] || shift
case $mode in
inproc | worker | native | ptx) ;;
*)
    sed -n '5,7s/^# *//p' "$0" >&2
    exit 2
    ;;
esac
kinds="static shared"
if [ "${1:-}" = static ] || [ "${1:-}" = shared ]; then
    kinds=$1
    shift
fi
if [ $# -eq 0 ]; then
    set -- $(cd $SOURCES && ls ./*.cu | sed 's|^\./||; s|\.cu$||')
    # refused by name there: the variables lie where the program cannot read
    [ "$mode" != worker ] || set -- $(printf '%s\n' "$@" | grep -vx managed_variables)
fi

if [ -z "${CUDA_TOOLKIT:-}" ]; then
    eval "$(tools/fetch --shell)"
    CUDA_TOOLKIT=${!toolkit}
fi
NVCC=$CUDA_TOOLKIT/bin/nvcc
if [ ! -x "$NVCC" ]; then
    echo "no nvcc: set CUDA_TOOLKIT, or run tools/setup clients"
    exit 77
fi
NVCC_FLAGS=(-std=c++17 -gencode "arch=compute_80,code=compute_80" -I "$SOURCES")

# flags NAME: what one program needs beyond the usual
flags() {
    [ "$1" != threads ] || echo "--default-stream per-thread"
}

write_ptx() {
    local name=$1 file=$SOURCES/ptx/$1.ptx
    # the compiler's own header names its build: nothing that a test should depend on
    "$NVCC" "${NVCC_FLAGS[@]}" $(flags "$name") -ptx -o "$file.new" "$SOURCES/$name.cu" || return
    {
        echo "// SPDX-License-Identifier: Apache-2.0"
        echo "// Compiled from $name.cu by tools/conformance.sh ptx."
        sed '/^\/\//d' "$file.new"
    } >"$file"
    rm -f "$file.new"
}

if [ "$mode" = ptx ]; then
    for name in "$@"; do
        ! grep -q __global__ "$SOURCES/$name.cu" || write_ptx "$name" || exit 1
    done
    exit 0
fi

# build NAME KIND: leaves the program in $OUT
build() {
    local program=$OUT/$1-$2
    if [ ! -e "$program" ] || [ "$SOURCES/$1.cu" -nt "$program" ]; then
        "$NVCC" "${NVCC_FLAGS[@]}" $(flags "$1") -cudart "$2" \
            -L "$OUT/lib" "$SOURCES/$1.cu" -o "$program"
    fi
}

run() {
    case $mode in
    inproc) LD_LIBRARY_PATH=$BUILD/lib/inproc:$CUDA_TOOLKIT/lib timeout "$LIMIT" "$@" ;;
    worker) LD_LIBRARY_PATH=$CUDA_TOOLKIT/lib timeout "$LIMIT" "$BUILD/vgpu" run -- "$@" ;;
    native) LD_LIBRARY_PATH=$CUDA_TOOLKIT/lib timeout "$LIMIT" "$@" ;;
    esac
}

# the packages have no unversioned name to link against
OUT=$BUILD/conformance/$toolkit
mkdir -p "$OUT/lib"
ln -sfn "$(ls "$CUDA_TOOLKIT"/lib/libcudart.so.[0-9]* | head -n 1)" "$OUT/lib/libcudart.so"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
for name in "$@"; do
    for kind in $kinds; do
        if build "$name" "$kind" && run "$OUT/$name-$kind" >"$log" 2>&1 &&
            grep -qx PASS "$log"; then
            passed=$((passed + 1))
            echo "ok      $mode $name-$kind"
        else
            failed=$((failed + 1))
            echo "FAILED  $mode $name-$kind"
            tail -n 20 "$log"
        fi
    done
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
