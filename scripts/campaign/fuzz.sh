#!/usr/bin/env bash
# Builds the fuzzers of tests/fuzz with clang and runs each of them, from the seeds in tests/fuzz/corpus and with the
# dictionary NAME.dict if there is one. Their corpora and findings stay in build/fuzz.
#
#   scripts/campaign/fuzz.sh [RUNS] [NAME]...     RUNS: inputs per fuzzer, default 200000; NAME: http, json, ...
#
# PREFORK_FUZZ_BUILD: the build's folder. PREFORK_FUZZ_MAX_LEN: the longest input, 1024 bytes by default, which is above
# the limits that the fuzzers set for the tested code.
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

# Twice as fast as with the sanitizer's defaults. These describe a finding better: run its input again without this.
export ASAN_OPTIONS=${ASAN_OPTIONS:-malloc_context_size=0:quarantine_size_mb=4:detect_stack_use_after_return=0}
names=("$@")
if [[ ${#names[@]} -eq 0 ]]; then
  for source in tests/fuzz/*_fuzz.cpp; do
    names+=("$(basename "$source" _fuzz.cpp)")
  done
fi
for name in "${names[@]}"; do
  mkdir -p "$build/corpus/$name" "$build/findings"
  # One input may take 10 s, and all together 1 GiB: more is a finding.
  options=(-runs="$runs" -timeout=10 -rss_limit_mb=1024 -max_len="${PREFORK_FUZZ_MAX_LEN:-1024}" -print_final_stats=1
    -artifact_prefix="$build/findings/$name-")
  if [[ -e tests/fuzz/$name.dict ]]; then
    options+=(-dict="tests/fuzz/$name.dict")
  fi
  echo "== $name: $runs runs"
  "$build/bin/${name}_fuzz" "${options[@]}" "$build/corpus/$name" "tests/fuzz/corpus/$name" </dev/null
done
echo "fuzz: ${#names[@]} fuzzers, $runs runs each, nothing found"
