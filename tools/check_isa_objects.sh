#!/usr/bin/env bash
# Objects compiled with special instruction sets must export nothing that other objects also define:
# a weak (inline) function among their symbols could become the whole program's copy of it.
# Usage: check_isa_objects.sh BUILD_DIR
set -euo pipefail

build=${1:?usage: check_isa_objects.sh BUILD_DIR}
objects=$(find "$build/src/kernels" -path '*glimmer_kernels_*' -name '*.o')
[ -n "$objects" ] || { echo "check_isa_objects: no objects under $build"; exit 1; }
weak=$(for object in $objects; do nm -C "$object" | grep -E ' [WV] ' | sed "s|^|${object##*/src/}: |" || true; done)
if [ -n "$weak" ]; then
  echo "check_isa_objects: weak symbols in objects with special instruction sets:"
  echo "$weak"
  exit 1
fi
echo "check_isa_objects: $(echo "$objects" | wc -l) objects export only their own names"
