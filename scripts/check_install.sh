#!/usr/bin/env bash
# Goal of this test: `cmake --install` installs everything that the author of a plugin outside this repository
# needs. Installs a build into a folder of its own, builds docs/examples/plugin against it with
# find_package(prefork), lets the installed prefork-master describe and serve it, and sends requests to it.
#
#   scripts/check_install.sh BUILD_FOLDER
set -euo pipefail
tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$(cd "${1:?the build folder is needed}" && pwd)
work=$(mktemp -d)
prefix=$work/prefix
master=

finish() {
  local code=$?
  trap - EXIT
  if [[ -n $master ]]; then
    kill -KILL "$master" 2>/dev/null || true
    wait "$master" 2>/dev/null || true
  fi
  if [[ $code -ne 0 && -s $work/log ]]; then
    sed 's/^/log: /' "$work/log" >&2
  fi
  rm -rf "$work"
  exit "$code"
}
trap finish EXIT
trap 'exit 143' INT TERM

fail() {
  echo "check_install: $1" >&2
  exit 1
}

cached() { sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt"; }

# A package build's DESTDIR would move the prefix.
env -u DESTDIR cmake --install "$build" --prefix "$prefix" >"$work/log"
lib=$(cached CMAKE_INSTALL_LIBDIR)
for file in bin/prefork-master bin/preforkctl "$lib/libprefork.so" "$lib/libprefork.so.0" \
  "$lib/prefork/plugins/echo.so" include/prefork/service.hpp include/prefork/http/router.hpp \
  "$lib/cmake/prefork/prefork-config.cmake" share/doc/prefork/README.md \
  share/doc/prefork/docs/operations.md share/doc/prefork/docs/examples/demo.conf share/doc/prefork/services/static/README.md; do
  [[ -e $prefix/$file ]] || fail "$file was not installed"
done

# The units must name the installed files, wherever they are.
unit=$prefix/lib/systemd/system/prefork.service
grep -q "^ExecStart=$prefix/bin/prefork-master -c $prefix/etc/prefork/prefork.conf$" "$unit" || fail "the unit names other paths"
grep -q "$prefix/bin/preforkctl .* reopen" "$prefix/etc/logrotate.d/prefork" || fail "the log rotation names other paths"
if command -v systemd-analyze >/dev/null; then
  systemd-analyze verify "$unit" "${unit%service}socket" >"$work/log" 2>&1 || fail "systemd-analyze verify finds faults"
else
  echo "check_install: skipped: there is no systemd-analyze here to verify the units"
fi

# A copy, so that an example can't see the source tree.
build_example() {
  cp -R "$tree/docs/examples/$1" "$work/$1"
  cmake -S "$work/$1" -B "$work/$1/build" -G Ninja -Dprefork_ROOT="$prefix" \
    -DCMAKE_BUILD_TYPE="$(cached CMAKE_BUILD_TYPE)" -DCMAKE_CXX_COMPILER="$(cached CMAKE_CXX_COMPILER)" \
    -DCMAKE_CXX_COMPILER_LAUNCHER="$(cached CCACHE_PROGRAM)" >"$work/log" 2>&1 || fail "$1 does not configure"
  cmake --build "$work/$1/build" >"$work/log" 2>&1 || fail "$1 does not build"
  ctest --test-dir "$work/$1/build" --output-on-failure >"$work/log" 2>&1 || fail "the test of $1 fails"
}
build_example json-api
build_example plugin
plugin=$work/plugin/build/my-echo.so

"$prefix/bin/prefork-master" --describe "$plugin" >"$work/description" 2>"$work/log" || fail "--describe failed"
grep -q "my-echo.so: .*stream" "$work/description" || fail "--describe gave: $(cat "$work/description")"

# Installed plugins are found by name.
"$prefix/bin/prefork-master" --describe echo >/dev/null 2>"$work/log" || fail "the installed echo plugin is not found"

"$prefix/bin/prefork-master" --plugin "$plugin" --listen tcp://127.0.0.1:0 -o master.control="$work/control.sock" \
  -o master.pid-file="$work/master.pid" -o pool.main.workers=1 </dev/null >"$work/log" 2>&1 &
master=$!
python3 - "$prefix/bin/preforkctl" "$work/control.sock" "$master" <<'PYTHON' || fail "the served plugin does not echo"
import json, os, socket, subprocess, sys, time

ctl, control, master = sys.argv[1:]
end = time.monotonic() + 60
while True:
    os.kill(int(master), 0)
    answer = subprocess.run([ctl, "-s", control, "status", "--json"], capture_output=True, text=True)
    status = json.loads(answer.stdout) if answer.returncode == 0 else {}
    if status and all(pool["ready"] >= pool["target"] for pool in status["pools"]):
        break
    if time.monotonic() > end:
        sys.exit(f"not ready: {answer}")
    time.sleep(0.02)
port = int(status["listeners"][0]["address"].rsplit(":", 1)[1])
with socket.create_connection(("127.0.0.1", port), 20) as client:
    client.settimeout(20)
    sent = os.urandom(100_000)
    client.sendall(sent)
    client.shutdown(socket.SHUT_WR)
    got = b""
    while chunk := client.recv(65536):
        got += chunk
if got != sent:
    sys.exit(f"{len(got)} bytes came back, which are not the {len(sent)} that were sent")
PYTHON

"$prefix/bin/preforkctl" -s "$work/control.sock" stop || fail "preforkctl stop failed"
code=0
wait "$master" || code=$?
master=
[[ $code -eq 0 ]] || fail "prefork-master ended with $code"
for file in control.sock master.pid; do
  [[ ! -e $work/$file ]] || fail "$file was left behind"
done
echo "check_install: installed, built against, described, served and stopped"
