#!/usr/bin/env bash
# Tests the installed units under a real systemd: boots one in namespaces of its own (processes, mounts, network, host name,
# IPC, control groups), with a journal of its own, installs a build there and does what operators do. Needs root; leaves
# nothing behind. Only systemd's own hierarchy of control groups is available, so it tries no limits of memory or CPU.
#
#   scripts/campaign/systemd.sh BUILD_FOLDER
set -euo pipefail
self=$(readlink -f "${BASH_SOURCE[0]}")
groups=/sys/fs/cgroup/systemd

say() { echo "systemd.sh: $1"; }
fail() {
  say "FAILED: $1" >&2
  systemctl status --no-pager prefork.service >&2 2>/dev/null || true
  tail -n 30 "$work/log" >&2 2>/dev/null || true
  exit 1
}
# shellcheck disable=SC2053  # a pattern
has() { [[ $(systemctl show -P "$1" prefork.service) == $2 ]]; }
expect() { has "$1" "$2" || fail "$1 is \"$(systemctl show -P "$1" prefork.service)\", not $2"; }
eventually() {
  local i
  for ((i = 0; i < 600; i++)); do
    "$@" >/dev/null 2>&1 && return 0
    sleep 0.05
  done
  return 1
}
answers() { [[ $(curl -s -m 20 "$1") == "Hello, World!" ]] || fail "no answer from $1"; }

configure() {
  cat >/opt/prefork/etc/prefork/prefork.conf <<CONFIG
[master]
control = /run/prefork/control.sock
pid-file = /run/prefork/master.pid
shutdown-timeout = 5s
${2:-}
[pool main]
workers = 2
user = www-data
seccomp = strict
landlock-read = /usr/lib
landlock-read = /opt/prefork
[service hello]
plugin = hello
listen = fd:web
listen = tcp://127.0.0.1:80
access-log = /var/log/prefork/access.log
$1
CONFIG
}

# The master's journal entries that match the pattern, one object per line.
journal() { journalctl -o json --no-pager "_PID=$(systemctl show -P MainPID prefork.service)" | grep -E "\"MESSAGE\" ?: ?\"$1"; }
# PATTERN FIELD=VALUE...
arrived() {
  local line field
  line=$(journal "$1" | tail -n 1)
  [[ -n $line ]] || return 1
  for field in "${@:2}"; do
    grep -Eq "\"${field%%=*}\" ?: ?\"${field#*=}\"" <<<"$line" || return 1
  done
}
expect_arrived() { eventually arrived "$@" || fail "not in the journal as meant: $*: $(journal ".*" | grep -o "\"MESSAGE\"[^,]*" | tail -n 8)"; }
log_to() {
  printf '[Service]\nWatchdogSec=2s\nStandardError=%s\n' "$1" >/etc/systemd/system/prefork.service.d/test.conf
  configure "" "${2:-}"
  systemctl daemon-reload
  systemctl restart prefork.service || fail "no start with $1"
}

upgrade() {
  local master restarts i
  master=$(systemctl show -P MainPID prefork.service) restarts=$(systemctl show -P NRestarts prefork.service)
  for i in 1 2; do
    if ((i == 1)); then /opt/prefork/bin/preforkctl upgrade >/dev/null || fail "no upgrade"; else kill -USR2 "$master"; fi
    sleep 5 # more than twice WatchdogSec
    expect MainPID "$master"
    expect NRestarts "$restarts"
    expect ActiveState active
    answers http://127.0.0.1:8080/
    systemctl reload prefork.service || fail "a reload after an upgrade failed"
    eventually has StatusText "generation $((i + 1)): 2 workers ready, 2 wanted" || fail "no new generation"
    answers http://127.0.0.1:8080/
  done
  say "two upgrades: the same process, its sockets, signs of life and reloads go on"
}

in_the_journal() {
  local worker
  systemctl start systemd-journald.socket systemd-journald-dev-log.socket systemd-journald.service ||
    fail "no journal"
  log_to journal "log-level = debug"
  expect_arrived "prefork-master .* starts" PRIORITY=5 SYSLOG_IDENTIFIER=prefork-master _TRANSPORT=stdout \
    _SYSTEMD_UNIT=prefork.service
  expect_arrived "service hello listens on" PRIORITY=6
  expect_arrived "worker main/0 .* started" PRIORITY=7
  worker=$(pgrep -u www-data -f prefork-master | head -n 1)
  kill -KILL "$worker"
  expect_arrived "worker main/[01] .pid $worker.* killed by SIGKILL" PRIORITY=3
  configure "mistake = 1" "log-level = debug"
  ! systemctl reload prefork.service 2>/dev/null || fail "a reload with a wrong configuration is called done"
  expect_arrived "not reloaded" PRIORITY=3
  configure "" "log-level = debug"
  /opt/prefork/bin/preforkctl upgrade >/dev/null || fail "no upgrade"
  expect_arrived "upgraded: " PRIORITY=5 _TRANSPORT=stdout
  systemctl restart systemd-journald.service
  /opt/prefork/bin/preforkctl reopen
  expect_arrived "log reopened" PRIORITY=5
  ! journal "(<|[0-9]{4}-)" >/dev/null || fail "a priority or a time stands in a line: $(journal "(<|[0-9]{4}-)" | head -n 1)"
  say "the journal has each line with its priority, also after an upgrade and of a journal that was started anew"

  log_to "append:$work/log" "log = syslog"
  expect_arrived "prefork-master .* starts" PRIORITY=5 SYSLOG_IDENTIFIER=prefork-master _TRANSPORT=syslog \
    SYSLOG_FACILITY=3 "SYSLOG_PID=$(systemctl show -P MainPID prefork.service)"
  expect_arrived "service hello listens on" PRIORITY=6 _TRANSPORT=syslog
  say "by syslog too"
}

# An operator's actions, in the namespaces, with systemd as the first process.
operate() {
  systemctl start prefork.socket
  answers http://127.0.0.1:8080/
  say "the first client started the service and was answered"
  # The worker that answered the client may have been ready before the others.
  eventually has ActiveState active || fail "it is not told ready"
  eventually has StatusText "generation 1: 2 workers ready, 2 wanted" || fail "no such status"
  expect MainPID "$(cat /run/prefork/master.pid)"
  answers http://127.0.0.1:80/
  for pid in $(pgrep -u www-data -f prefork-master); do
    grep -q 'CapEff:.*0000000000000000' "/proc/$pid/status" || fail "worker $pid has capabilities"
  done

  systemctl reload prefork.service || fail "a reload failed"
  eventually has StatusText "generation 2: *" || fail "no second generation"
  configure "mistake = 1"
  ! systemctl reload prefork.service 2>/dev/null || fail "a reload with a wrong configuration is called done"
  eventually has StatusText "generation 2: *the last reload failed: *mistake*" || fail "no reason in the status"
  expect ActiveState active
  configure ""
  systemctl reload prefork.service || fail "the reload after that failed"
  say "reload: done, refused with its reason, done again"

  ab -q -r -l -t 6 -n 10000000 -c 8 http://127.0.0.1:8080/ >"$work/ab" 2>&1 &
  local load=$! i
  for i in 1 2 3; do
    systemctl restart prefork.service || fail "restart"
    eventually has StatusText "generation 1: 2 workers ready, 2 wanted" || fail "not ready after a restart"
  done
  wait "$load" || fail "ab: $(cat "$work/ab")"
  grep -q "^Failed requests: *0$" "$work/ab" && ! grep -q "^Non-2xx" "$work/ab" || fail "failed: $(cat "$work/ab")"
  say "three restarts: $(awk '/^Complete/ {print $3}' "$work/ab") requests, none failed"

  upgrade

  local before
  before=$(systemctl show -P MainPID prefork.service)
  kill -STOP "$before"
  eventually has NRestarts 1 || fail "a master that stands still is not replaced"
  answers http://127.0.0.1:8080/
  eventually has ActiveState active || fail "the new one is not told ready"
  has MainPID "$before" && fail "it is the same process"
  say "a master that stood still was replaced by the watchdog"

  in_the_journal

  systemctl stop prefork.socket prefork.service
  expect Result success
  expect ActiveState inactive
  ! pgrep prefork-master >/dev/null || fail "processes are left"
  say "stopped"
}

# The first process of the namespaces: prepares what systemd expects, and becomes systemd.
boot() {
  local units=/usr/lib/systemd/system
  mount --make-rprivate /
  mount -t proc proc /proc
  mount -t tmpfs none /opt
  cmake --install "$build" --prefix /opt/prefork >/dev/null
  # Only these of the system's own units: others would set up the machine.
  mkdir /opt/units
  cp $units/{basic,sysinit,sockets,shutdown,umount,network-online,multi-user}.target /opt/units
  cp $units/systemd-journald{.service,.socket,-dev-log.socket} /opt/units
  for dir in /run /tmp /var/log $units /etc/systemd/system; do mount -t tmpfs none "$dir"; done
  cp /opt/units/* /opt/prefork/lib/systemd/system/* $units
  mount -t tmpfs none /sys/fs/cgroup
  mkdir "$groups"
  mount -t cgroup -o none,name=systemd none "$groups"
  ip link set lo up
  mkdir -p /opt/prefork/etc/prefork /etc/systemd/system/prefork.service.d
  mkdir -p /run/systemd/journald.conf.d
  printf '[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=no\nRateLimitIntervalSec=0\n' \
    >/run/systemd/journald.conf.d/test.conf
  configure ""
  printf '[Service]\nWatchdogSec=2s\nStandardError=append:%s\n' "$work/log" \
    >/etc/systemd/system/prefork.service.d/test.conf
  printf '[Unit]\nDescription=Nothing else\n' >/etc/systemd/system/nothing.target
  export container=namespaces
  exec /lib/systemd/systemd --system --unit=nothing.target --log-target=null --show-status=no
}

if [[ ${2:-} == boot ]]; then
  build=$1 work=$3
  boot
elif [[ ${2:-} == operate ]]; then
  work=$3
  operate
  exit 0
fi

build=$(readlink -f "${1:?the build folder is needed}")
for tool in /lib/systemd/systemd unshare nsenter ip ab curl; do
  command -v "$tool" >/dev/null || { say "skipped: there is no $tool here"; exit 0; }
done
[[ $(id -u) -eq 0 && -d $groups ]] || { say "skipped: needs root, and systemd's control groups at $groups"; exit 0; }
work=$(mktemp -d /var/tmp/prefork-systemd-XXXXXX)
own=$groups/prefork-$$
mkdir "$own"
systemd=

finish() {
  [[ -z $systemd ]] || kill -KILL "$systemd" 2>/dev/null || true
  wait
  find "$own" -depth -type d -exec rmdir {} \; 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

(
  echo "$BASHPID" >"$own/cgroup.procs"
  exec unshare --pid --mount --net --uts --ipc --cgroup --fork "$self" "$build" boot "$work" </dev/null >"$work/boot" 2>&1
) &
parent=$!
first_process() { systemd=$(pgrep -P "$parent"); }
eventually first_process || fail "no namespaces: $(cat "$work/boot")"
eventually nsenter -t "$systemd" -a systemctl is-active nothing.target || fail "systemd does not boot: $(cat "$work/boot")"
nsenter -t "$systemd" -a "$self" "$build" operate "$work"
