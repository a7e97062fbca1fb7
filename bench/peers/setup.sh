#!/usr/bin/env bash
# Installs what bench/peers/compare needs below build/peers: a venv with gguf and numpy, and
# llama-bench of llama.cpp and of ik_llama.cpp, built for this processor from the source archives
# on PyPI. Safe to repeat. A peer that cannot be built is named with the reason, also in
# build/peers/NAME/failed, which compare prints; the other one is still built.
#
# usage: setup.sh [llama.cpp|ik_llama.cpp]...
#   JOBS=2 compiles with two processes (default: all processors)
#   PIP_..., CMAKE_CXX_COMPILER_LAUNCHER and the like act as they always do
set -uo pipefail

HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
ROOT="$(cd "$HERE/../.." && pwd)/build/peers"
JOBS="${JOBS:-$(nproc)}"
readonly HERE ROOT JOBS

# name, package and version on PyPI, folder of the engine in the archive, cmake options
peer_llama_cpp() {
  build_peer llama.cpp llama-cpp-python 0.3.36 vendor/llama.cpp \
    -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=OFF \
    -DLLAMA_BUILD_APP=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_USE_PREBUILT_UI=OFF
}
peer_ik_llama_cpp() {
  # Attention over quantized caches is not measured and takes most of the compile time.
  build_peer ik_llama.cpp ik-llama-cpp-python 0.1.5 vendor/ik_llama.cpp \
    -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_SERVER=OFF -DGGML_IQK_FA_ALL_QUANTS=OFF
}

# The archive of ik-llama-cpp-python 0.1.5 lacks common/cmake, with the script that fills in
# build-info.cpp.in. This one does, with PyPI's version in the place of a commit.
complete_sources() {
  local common="$1/common" version=$2
  local script="$common/cmake/build-info-gen-cpp.cmake"
  if [[ ! -f $common/build-info.cpp.in || -f $script ]]; then
    return
  fi
  mkdir -p "$common/cmake"
  printf '%s\n' 'set(BUILD_NUMBER 0)' "set(BUILD_COMMIT \"$version\")" 'set(BUILD_COMPILER "")' \
    'set(BUILD_TARGET "")' \
    "configure_file(\"$common/build-info.cpp.in\" \"$common/build-info.cpp\" @ONLY)" > "$script"
}

# Says why a peer is missing, here and to compare.
give_up() {
  echo "$1: $2" >&2
  mkdir -p "$ROOT/$1" && echo "$2" > "$ROOT/$1/failed"
  return 1
}

build_peer() {
  local name=$1 package=$2 version=$3 source=$4
  shift 4
  local folder="$ROOT/$name"
  mkdir -p "$folder" && rm -f "$folder/failed"
  local archive="$folder/${package//-/_}-$version.tar.gz"
  if [[ ! -f $archive ]]; then
    echo "== $name: $package $version from PyPI"
    "$ROOT/venv/bin/pip" download --quiet --no-deps --no-binary :all: --dest "$folder" \
      "$package==$version" > "$folder/download.log" 2>&1 ||
      {
        give_up "$name" "no $package $version from pip: $(tail -n 1 "$folder/download.log")"
        return
      }
  fi
  local unpacked="$folder/${package//-/_}-$version"
  if [[ ! -d $unpacked ]]; then
    tar -xzf "$archive" -C "$folder" || { give_up "$name" "$archive does not unpack"; return; }
  fi
  complete_sources "$unpacked/$source" "$package-$version"
  echo "== $name: building llama-bench with $JOBS processes, log in $folder/build.log"
  { cmake -S "$unpacked/$source" -B "$folder/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
      -DBUILD_SHARED_LIBS=OFF -DGGML_NATIVE=ON -DGGML_CCACHE=OFF "$@" &&
    cmake --build "$folder/build" --target llama-bench -j "$JOBS"; } > "$folder/build.log" 2>&1 ||
    { give_up "$name" "$package $version does not build, see $folder/build.log"; return; }
  echo "$package $version" > "$folder/version"
  cp "$unpacked/$source/LICENSE" "$folder/LICENSE"
  echo "== $name: ready"
}

main() {
  mkdir -p "$ROOT" || exit 1
  if [[ ! -x $ROOT/venv/bin/pip ]]; then
    python3 -m venv "$ROOT/venv" || { echo "python3 -m venv failed" >&2; exit 1; }
  fi
  "$ROOT/venv/bin/pip" install --quiet -r "$HERE/requirements.txt" ||
    { echo "gguf and numpy cannot be installed" >&2; exit 1; }
  (($#)) || set -- llama.cpp ik_llama.cpp
  local failures=0 name
  for name in "$@"; do
    case $name in
      llama.cpp) peer_llama_cpp || failures=$((failures + 1)) ;;
      ik_llama.cpp) peer_ik_llama_cpp || failures=$((failures + 1)) ;;
      *) echo "$name: no such peer (llama.cpp, ik_llama.cpp)" >&2; exit 2 ;;
    esac
  done
  ((failures == 0))
}

main "$@"
