#!/usr/bin/env bash
# Installs the Debian packages that are missing for a task; needs no network if nothing is missing.
#
#   scripts/setup.sh [SET]...      SET: build (the default), demo, test, bench, browser, fuzz, lint
#
# Other scripts source this file and call prefork_setup with the same words.

prefork_as_root=()  # precedes apt-get

prefork_packages() {
  case "$1" in
    build) echo "g++ cmake ninja-build ccache libboost-dev libboost-program-options-dev libfmt-dev nlohmann-json3-dev zlib1g-dev libssl-dev libwslay-dev libseccomp-dev" ;;
    demo) echo "curl netcat-openbsd apache2-utils" ;;
    test) echo "libgtest-dev libgmock-dev libbenchmark-dev apache2-utils gdb wrk nghttp2-client slowhttptest curl netcat-openbsd clang-format-14 python3 python3-websockets haproxy nginx-light procps netbase logrotate systemd util-linux" ;;
    bench) echo "libbenchmark-dev wrk python3 gcc libc6-dev nginx-light gunicorn uwsgi-core uwsgi-plugin-python3 php-fpm" ;;
    browser) echo "chromium nodejs" ;;
    lint) echo "clang-19 clang-tidy-19" ;;
    fuzz) echo "clang-19 libclang-rt-19-dev" ;;
    *)
      echo "setup.sh: no package set \"$1\"; there are build, demo, test, bench, browser, fuzz and lint" >&2
      return 64
      ;;
  esac
}

# Runs apt-get with these arguments as soon as nobody else uses apt or dpkg. apt-get itself waits for dpkg's lock, but not
# for those of its lists and its archive, so it is run again. PREFORK_APT_PATIENCE: seconds, 600 by default.
prefork_apt() {
  local patience=${PREFORK_APT_PATIENCE:-600} deadline errors code told=
  deadline=$((SECONDS + patience))
  while true; do
    code=0
    { errors=$("${prefork_as_root[@]}" env LC_ALL=C DEBIAN_FRONTEND=noninteractive \
      apt-get -q -o DPkg::Lock::Timeout="$patience" "$@" </dev/null 2>&1 >&3 3>&-); } 3>&1 || code=$?
    if [[ $code -eq 0 || $errors != *"Could not get lock"* || $SECONDS -ge $deadline ]]; then
      [[ -z $errors ]] || printf '%s\n' "$errors" >&2
      return "$code"
    fi
    [[ -n $told ]] || echo "setup.sh: waiting for another apt: ${errors%%$'\n'*}"
    told=1
    sleep 1
  done
}

prefork_setup() {
  local set line installed package
  local -a names packages=() missing=()
  if ! command -v dpkg-query >/dev/null; then
    echo "setup.sh: this is no Debian system: install what the sets in scripts/setup.sh name by its own means" >&2
    return 0
  fi
  for set in "$@"; do
    line=$(prefork_packages "$set") || return
    read -r -a names <<<"$line"
    packages+=("${names[@]}")
  done
  # It fails if it does not know one of the names at all.
  installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "${packages[@]}" 2>/dev/null || true)
  for package in "${packages[@]}"; do
    [[ $'\n'$installed$'\n' == *$'\n'"$package installed"$'\n'* ]] || missing+=("$package")
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0

  mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
  echo "setup.sh: installing ${missing[*]}"
  if [[ $(id -u) -ne 0 ]]; then
    if ! command -v sudo >/dev/null; then
      echo "setup.sh: not root and no sudo: as root, run apt-get install ${missing[*]}" >&2
      return 77
    fi
    echo "setup.sh: not root, so sudo is used for apt-get and may ask for your password"
    prefork_as_root=(sudo)
  fi
  prefork_apt update || return
  prefork_apt install -y --no-install-recommends "${missing[@]}" || return
}

if [[ "${BASH_SOURCE[0]}" == "$0" ]]; then
  set -euo pipefail
  prefork_setup "${@:-build}"
fi
