#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# demo - a stock language model client answers a question on a GPU that is not there.
#
#   demo/demo.sh            QUESTION="..." and TOKENS=n change what is asked
#
# Called by `make demo`, after everything is fetched and built. Ends with `demo: ok`.
set -euo pipefail
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}
QUESTION=${QUESTION:-What is a GPU?}
TOKENS=${TOKENS:-24}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tools/fetch demo
eval "$(tools/fetch --shell)"
export NODE_LLAMA=$MODULES
export VGPU_SOFT_STATS=$work/counters
: >"$VGPU_SOFT_STATS"

fail() {
    echo "demo: $*" >&2
    exit 1
}

echo "demo: the client's CPU backend answers first, for the check"
"$NODE" demo/reference.mjs "$MODEL" "$QUESTION" "$work/reference.json" ||
    fail "the client does not run on this CPU (status $?)"

echo "demo: now the same client on the vGPU"
status=0
LD_LIBRARY_PATH=$CUDART135:$CUBLAS13 "$BUILD/vgpu" run -- \
    "$NODE" demo/demo.mjs "$MODEL" "$QUESTION" "$work/reference.json" "$TOKENS" || status=$?
case $status in
0) echo "demo: ok" ;;
3) fail "the vGPU's probabilities differ from the CPU's, see above" ;;
*) fail "the client ended with status $status; VGPU_LOG=info shows more" ;;
esac
