#!/usr/bin/env bash
# Builds prefork with a preset and runs all of its tests. CTest's summary comes last, and its exit code is the script's.
#
#   scripts/test.sh [PRESET] [CTEST ARGUMENT]...      PRESET: release (the default), debug, asan, tsan
#   scripts/test.sh --room ROOM [PRESET] [ARGUMENT]...  one folder's tests alone, without CTest: http/wire, ipc/objects,
#                                                     master, config, services/chat, system/change; GoogleTest arguments
#
# CTEST_PARALLEL_LEVEL: how many tests run at a time; twice as many as there are CPUs by default, since most of them wait.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/setup.sh

room=
if [[ "${1:-}" == --room ]]; then
  room=${2:?--room needs a folder, as in: scripts/test.sh --room http/wire}
  shift 2
fi
preset=release
if [[ $# -gt 0 && "$1" != -* ]]; then
  preset=$1
  shift
fi

# The folder of a room's tests and the program they are in: "FOLDER PROGRAM".
prefork_room() {
  local room=${1%/} folder
  for folder in "tests/$room" "tests/framework/$room"; do
    if [[ -d $folder ]]; then
      case $folder in
        tests/ipc*) echo "$folder ipc_tests" ;;
        tests/system*) echo "$folder system_tests" ;;
        tests/services/*) folder=${room#services/} && echo "tests/$room ${folder%%/*}_tests" ;;
        *) echo "$folder ${room%%/*}_tests" ;;
      esac
      return
    fi
  done
  echo "test.sh: there is no room \"$room\": its tests would be in tests/$room or tests/framework/$room" >&2
  return 64
}

if [[ -n $room ]]; then
  found=$(prefork_room "${room#framework/}")
  read -r folder program <<<"$found"
  mapfile -t suites < <(grep -rhoE '^(TYPED_)?TEST(_F|_P|_SUITE_P)?\(\w+' "$folder" --include='*_test.cpp' | sed 's/.*(//' | sort -u)
  if [[ ${#suites[@]} -eq 0 ]]; then
    echo "test.sh: $folder has no tests" >&2
    exit 64
  fi
  filter=$(printf '%s.*:*/%s.*:%s/*:' $(for suite in "${suites[@]}"; do echo "$suite $suite $suite"; done))
  prefork_setup build test
  [[ -f build/$preset/build.ninja ]] || cmake --preset "$preset" -DPREFORK_BUILD_TESTS=ON
  cmake --build "build/$preset" --target "$program"
  exec "build/$preset/bin/$program" --gtest_brief=1 --gtest_filter="$filter" "$@"
fi

prefork_setup build test
began=$SECONDS
cmake --preset "$preset" -DPREFORK_BUILD_TESTS=ON -DPREFORK_BUILD_BENCHMARKS=ON
cmake --build "build/$preset"
echo "test.sh: built in $((SECONDS - began)) s"
exec ctest --test-dir "build/$preset" --no-tests=error --output-on-failure \
  -j "${CTEST_PARALLEL_LEVEL:-$((2 * $(nproc)))}" "$@" </dev/null
