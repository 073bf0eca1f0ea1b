#!/usr/bin/env bash
# Builds the fuzzers of tests/fuzz with clang and runs each of them. Corpus and findings stay in build/fuzz.
#
#   scripts/campaign/fuzz.sh [RUNS] [NAME]...     RUNS: inputs per fuzzer, default 200000; NAME: http_fuzz, ...
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source scripts/setup.sh
prefork_setup build fuzz

runs=${1:-200000}
shift || true
if [[ ! $runs =~ ^[0-9]+$ ]]; then
  echo "fuzz.sh: RUNS is a number, not \"$runs\"" >&2
  exit 64
fi
build=${PREFORK_FUZZ_BUILD:-build/fuzz}
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_CXX_COMPILER=clang++-19 \
  -DPREFORK_BUILD_FUZZERS=ON -DPREFORK_BUILD_TESTS=OFF -DPREFORK_BUILD_BENCHMARKS=OFF
cmake --build "$build" --target fuzzers

fuzzers=("$@")
if [[ ${#fuzzers[@]} -eq 0 ]]; then
  for source in tests/fuzz/*_fuzz.cpp; do
    fuzzers+=("$(basename "$source" .cpp)")
  done
fi
for fuzzer in "${fuzzers[@]}"; do
  mkdir -p "$build/corpus/$fuzzer" "$build/findings"
  echo "== $fuzzer: $runs runs"
  # One input may take 10 s and all together 1 GiB: more is a finding.
  "$build/bin/$fuzzer" -runs="$runs" -timeout=10 -rss_limit_mb=1024 -max_len=4096 -print_final_stats=1 \
    -artifact_prefix="$build/findings/$fuzzer-" "$build/corpus/$fuzzer" </dev/null
done
echo "fuzz: ${#fuzzers[@]} fuzzers, $runs runs each, nothing found"
