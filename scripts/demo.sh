#!/usr/bin/env bash
# Builds prefork and serves docs/examples/demo.conf on loopback, in the foreground. Ctrl-C ends it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/setup.sh
prefork_setup build demo

# Uses a build that scripts/test.sh configured as it is; a new build leaves out tests and benchmarks.
if [[ ! -f build/release/build.ninja ]]; then
  cmake --preset release -DPREFORK_BUILD_TESTS=OFF -DPREFORK_BUILD_BENCHMARKS=OFF
fi
cmake --build build/release --target prefork_installed services/all

# The control socket, the pid file and the unix socket: demo.conf names them.
mkdir -p build/demo
chmod 700 build/demo

cat <<'TEXT'

prefork serves on 127.0.0.1. From another terminal, in this folder, try:

  curl http://127.0.0.1:8080/  http://127.0.0.1:8080/Ada      hello, over HTTP
  ab -k -q -c 64 -n 200000 http://127.0.0.1:8080/             and under load
  nc 127.0.0.1 7007                                           echo (also unix: nc -U build/demo/echo.sock)
  printf Ada | nc -u -w1 127.0.0.1 7008                       greeter, by datagram
  nc 127.0.0.1 7009                                           upper case
  nc 127.0.0.1 7010                                           greeter again, one client per worker
  nc 127.0.0.1 7011                                           a chat room: try two at once
  http://127.0.0.1:8080/chat                                  the same room, in the browser
  curl http://127.0.0.1:8080/docs/                            files, with a listing
  http://127.0.0.1:8090/                                      the dashboard; curl .../metrics for Prometheus
  build/release/bin/preforkctl -s build/demo/control.sock top
  build/release/bin/preforkctl -s build/demo/control.sock ipc
  build/release/bin/preforkctl -s build/demo/control.sock scale main +1

Ctrl-C stops it.

TEXT
exec build/release/bin/prefork-master -c docs/examples/demo.conf "$@"
