#!/usr/bin/env python3
"""What slow clients cost the others: the p99 of wrk on hello, alone and beside 1,000 connections of slowhttptest.

  slow.py [--modes headers,body,range,read] [--connections 1000] [--rounds 3] [--seconds 3] [--build build/release]

headers (-H): header sections that never end. body (-B): bodies that trickle in. range (-R): 2,000 overlapping ranges in
each request. read (-X): 10 MiB that are read 32 bytes at a time. Time-outs are the defaults; they end an attack sooner
or later, so it is restarted for as long as wrk runs. In each round wrk runs alone, then beside each attack; prints the
medians over the rounds and the ratio of p99 to that of the same round without an attack. `held` is the least number of
connections that the server had beside wrk's while it ran. Exit code 1 if a request of wrk failed. Needs: a build with
tests, wrk, slowhttptest. Loopback only.
"""
import argparse, os, resource, statistics, subprocess, sys, tempfile, threading, time

import harness
import peers

# Options of slowhttptest, and the path that it requests.
MODES = {
    "headers": (["-H", "-i", "1", "-x", "10"], "/hello"),
    "body": (["-B", "-i", "1", "-x", "10", "-s", "65536"], "/bodies"),
    "range": (["-R", "-t", "GET", "-a", "5", "-b", "2000"], "/files/large"),
    "read": (["-X", "-w", "512", "-y", "1024", "-n", "5", "-z", "32", "-k", "3"], "/files/large"),
}
PLUGINS = "tests/system/plugins"
WRK_CONNECTIONS = 64  # of the scenario hello


def config(options, folder, port):
    site = os.path.join(folder, "site")
    os.makedirs(site)
    with open(os.path.join(site, "large"), "wb") as file:
        file.write(os.urandom(1 << 20) * 10)
    bodies = os.path.join(os.path.abspath(options.build), PLUGINS, "bodies.so")
    listen = f"listen = tcp://127.0.0.1:{port}\n"
    return (f"[pool main]\nworkers = {options.workers}\n{harness.user_setting()}"
            f"[service hello]\nplugin = hello\n{listen}mount = /hello\n"
            f"[service bodies]\nplugin = {bodies}\n{listen}mount = /bodies\n"
            f"[service files]\nplugin = static\n{listen}mount = /files\nroot = {site}\n")


class Attack:
    """slowhttptest, restarted whenever it ends; leaving the `with` block ends it."""

    def __init__(self, mode, port, connections):
        words, path = MODES[mode]
        self.command = ["slowhttptest", "-c", str(connections), "-r", str(connections), "-l", "3600", "-p", "5",
                        "-v", "0", "-u", f"http://127.0.0.1:{port}{path}"] + words
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.over.is_set():
            process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            while process.poll() is None and not self.over.wait(0.02):
                pass
            if process.poll() is None:
                process.kill()
                process.wait()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def connections_of(server):
    status = server.status()
    return status["totals"]["connections"] if status else 0


def wait_connections(server, enough, limit=20):
    end = time.monotonic() + limit
    while not enough(connections_of(server)):
        if time.monotonic() > end:
            return
        time.sleep(0.05)


def drive(server, port, seconds):
    """wrk's figures and the least number of connections that others held meanwhile."""
    held, over = [], threading.Event()

    def watch():
        # Not while wrk connects or disconnects.
        while not over.wait(0.3):
            held.append(connections_of(server))
    watcher = threading.Thread(target=watch)
    watcher.start()
    row = peers.wrk(port, "hello", seconds)
    over.set()
    watcher.join()
    row["held"] = max(0, min(held[:-1] or held or [0]) - WRK_CONNECTIONS)
    return row


def measure(options, modes):
    rows = {mode: [] for mode in ["alone"] + modes}
    port = harness.free_port()
    with tempfile.TemporaryDirectory(prefix="slow") as folder:
        with harness.Prefork(options.build, folder, config(options, folder, port)) as server:
            server.wait_ready()
            for _ in range(options.rounds):
                rows["alone"].append(drive(server, port, options.seconds))
                for mode in modes:
                    with Attack(mode, port, options.connections):
                        # Ranges are answered at once: no connection stays.
                        stay = 1 if mode == "range" else options.connections
                        wait_connections(server, lambda n: n >= stay)
                        rows[mode].append(drive(server, port, options.seconds))
                    wait_connections(server, lambda n: n == 0)
    return rows


def report(options, rows):
    def median(mode, key):
        return statistics.median(row[key] for row in rows[mode])
    print(f"wrk, {WRK_CONNECTIONS} connections, beside {options.connections} slow ones ({options.workers} workers, median "
          f"of {options.rounds} x {options.seconds} s; p99 to that of the same round alone)")
    print(f"  {'beside':8} {'held':>6} {'req/s':>8} {'p50 ms':>8} {'p99 ms':>8} {'ratio':>6} {'min-max':>13} {'failed':>7}")
    for mode in rows:
        ratios = [beside["p99"] / alone["p99"] for beside, alone in zip(rows[mode], rows["alone"])]
        print(f"  {mode:8} {median(mode, 'held'):6.0f} {median(mode, 'rps'):8.0f} {median(mode, 'p50'):8.2f} "
              f"{median(mode, 'p99'):8.2f} {statistics.median(ratios):6.2f} {min(ratios):6.2f}-{max(ratios):.2f} "
              f"{sum(row['errors'] for row in rows[mode]):7d}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=harness.default_build())
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    modes = options.modes.split(",")
    unknown = [mode for mode in modes if mode not in MODES]
    if unknown:
        parser.error(f"no mode {unknown[0]}; there are {', '.join(MODES)}")
    # Three descriptors per connection are more than enough for every process that inherits the limit.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, max(4096, 3 * options.connections)), most))
    rows = measure(options, modes)
    report(options, rows)
    return 1 if any(row["errors"] for each in rows.values() for row in each) else 0


if __name__ == "__main__":
    sys.exit(main())
