#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# cudart.sh - one stock runtime over the vGPU.
#
#   tests/clients/cudart.sh MODE RUNTIME PROGRAM [ARGS...]
#
# MODE is inproc or worker, RUNTIME the name that tools/fetch gives to a folder with a
# libcudart (CUDART129). Runs PROGRAM LIBCUDART ARGS. Status 77 when the runtime is not there.
set -euo pipefail
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
mode=$1 runtime=$2 program=$3
shift 3
eval "$(tools/fetch --shell)"
library=$(ls "${!runtime}"/libcudart.so.1* 2>/dev/null | head -n 1)
if [ -z "$library" ]; then
    echo "no $runtime here: make check-clients fetches it"
    exit 77
fi
case $mode in
inproc) exec env LD_LIBRARY_PATH="$BUILD/lib/inproc" "$program" "$library" "$@" ;;
worker) exec env LD_LIBRARY_PATH="$BUILD/lib" VGPU_ENDPOINT=soft "$program" "$library" "$@" ;;
*) exit 2 ;;
esac
