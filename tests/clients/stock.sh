#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# stock.sh - a program of ours that opens one stock library, over the vGPU.
#
#   tests/clients/stock.sh MODE FOLDER LIBRARY PROGRAM [ARGS...]
#
# MODE is inproc or worker, FOLDER a name that tools/fetch gives to a folder (CUDART129),
# LIBRARY what lies in it (libcudart). Runs PROGRAM PATH ARGS. Status 77 when it is not there.
set -euo pipefail
mode=$1 folder=$2 name=$3 program=$(realpath "$4")
shift 4
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
eval "$(tools/fetch --shell)"
library=$(ls "${!folder}/$name".so.1* 2>/dev/null | head -n 1 || true)
if [ -z "$library" ]; then
    echo "no $name in $folder here: make check-clients fetches it"
    exit 77
fi
case $mode in
inproc) exec env LD_LIBRARY_PATH="$BUILD/lib/inproc:${!folder}" "$program" "$library" "$@" ;;
worker) exec env LD_LIBRARY_PATH="$BUILD/lib:${!folder}" VGPU_ENDPOINT=soft "$program" "$library" "$@" ;;
*) exit 2 ;;
esac
