#!/usr/bin/env bash
# Builds prefork with a preset and runs all of its tests. CTest's summary comes last, and its exit code is the script's.
#
#   scripts/test.sh [PRESET] [CTEST ARGUMENT]...      PRESET: release (the default), debug, asan, tsan
#
# CTEST_PARALLEL_LEVEL: how many tests run at a time; twice as many as there are CPUs by default, since most of them wait.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/setup.sh
prefork_setup build test

preset=release
if [[ $# -gt 0 && "$1" != -* ]]; then
  preset=$1
  shift
fi
cmake --preset "$preset" -DPREFORK_BUILD_TESTS=ON -DPREFORK_BUILD_BENCHMARKS=ON
cmake --build "build/$preset"
exec ctest --test-dir "build/$preset" --no-tests=error --output-on-failure \
  -j "${CTEST_PARALLEL_LEVEL:-$((2 * $(nproc)))}" "$@" </dev/null
