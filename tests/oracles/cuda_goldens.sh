#!/usr/bin/env bash
# Makes tests/golden/cuda with CUDA's host conversions. Usage: cuda_goldens.sh INCLUDE_DIR [OUTPUT]
# INCLUDE_DIR holds cuda_fp4.h: the CUDA toolkit's include directory, or
# VENV/lib/python3.11/site-packages/nvidia/cu13/include of the oracles' environment.
set -euo pipefail

oracles=$(cd "$(dirname "$0")" && pwd)
include=${1:?"usage: cuda_goldens.sh INCLUDE_DIR [OUTPUT]"}
output=${2:-$oracles/../golden/cuda}

build=$(mktemp -d)
trap 'rm -r "$build"' EXIT
g++ -std=c++20 -O1 -Wall -Wextra -isystem "$include" \
    "$oracles/cuda_conversions.cc" -o "$build/cuda_conversions"
mkdir -p "$output"
"$build/cuda_conversions" "$output"
grep -h '^#define CUDART_VERSION ' "$include/cuda_runtime_api.h"
