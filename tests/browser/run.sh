#!/usr/bin/env bash
# Runs a page's test in Debian's chromium:  run.sh SCRIPT.mjs BUILD_FOLDER
#
# Needs chromium and node (scripts/setup.sh browser) and the npm package playwright-core, which is installed into
# BUILD_FOLDER/browser if npm is available. Exit code 77: skipped, with the reason.
set -euo pipefail
script=$(realpath "$1")
build=$(realpath "$2")
for program in node npm chromium; do
  if ! command -v "$program" >/dev/null; then
    echo "skipped: $program is not installed"
    exit 77
  fi
done
mkdir -p "$build/browser"
cp "$script" "$(dirname "$script")/harness.mjs" "$build/browser/"
cd "$build/browser"
if [[ ! -d node_modules/playwright-core ]] && ! npm install --no-save --silent --no-audit --no-fund playwright-core@1; then
  echo "skipped: npm can't install playwright-core"
  exit 77
fi
exec timeout 100 node "$(basename "$script")" "$build"
