#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# names - no kernel, library, model or client is known by name where code executes.
#
#   names.sh SOURCE_FOLDER
set -eu
cd "$1"
if grep -rniE --exclude-dir=cli 'mul_mat|flash_attn|rms_norm|ggml|llama|smollm' src api; then
    echo "FAIL: named above"
    exit 1
fi
echo PASS
