#!/usr/bin/env python3
"""Reloads, scalings, recycling and upgrades under load: what clients notice.

  reload.py [reload|scale|recycle|dynamic|upgrade]... [--times N] [--upgrades N] [--seconds S] [--build DIR]

For each kind: S seconds of load without it, then S seconds in which it happens N times, evenly spread. The load is wrk
with 32 kept connections and, beside it, ab with 16 clients that connect for each request. Prints requests, failed
requests, and p99 of both halves. Exits with 1 if a request failed. Needs: wrk, ab. Loopback only. Server and clients share
a session, so that the kernel shares the CPUs among processes. Otherwise all processes of the server together, including
those needed for a change, would get as much as wrk and ab, at the expense of the serving ones (autogrouping).

recycle runs with max-requests = 1000 and counts the workers that were replaced.

dynamic lets a pool of 1..8 grow by N bursts of a second and shrink to one worker after each, while two other clients, one
that keeps its connection and one that connects for each request, continue: they would notice the shrinking. No p99.

upgrade changes to a copy of the master's program and back, --upgrades times in all (--upgrades alone: only this kind); pid
and workers must stay the same.
"""
import argparse, http.client, os, re, shutil, subprocess, sys, tempfile, threading, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench"))
import harness

CONFIG = """[master]
plugin-path = {plugins}
[pool main]
workers = 2
{user}{limits}
[service hello]
plugin = hello
listen = tcp://127.0.0.1:{port}
"""


KINDS = ["reload", "scale", "recycle", "dynamic", "upgrade"]


def load(port, seconds):
    url = f"http://127.0.0.1:{port}/"
    wrk = subprocess.Popen(["wrk", f"-d{seconds}s", "-c32", "-t1", "--latency", url], stdout=subprocess.PIPE, text=True)
    ab = subprocess.Popen(["ab", "-q", "-t", str(seconds), "-n", "100000000", "-c", "16", url], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    return wrk, ab


def figures(wrk, ab):
    wrk, ab = wrk.communicate()[0], ab.communicate()[0]
    number = lambda pattern, text: int((re.search(pattern, text) or [0, "0"])[1])
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", wrk)
    failed = sum(int(n) for n in errors.groups()) if errors else 0
    failed += number(r"Non-2xx or 3xx responses: (\d+)", wrk)
    failed += number(r"Failed requests:\s+(\d+)", ab) + number(r"Non-2xx responses:\s+(\d+)", ab)
    if "Complete requests" not in ab:
        raise SystemExit("ab did not finish:\n" + ab)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", wrk)
    p99 = float(p99[1]) * {"us": 0.001, "ms": 1, "s": 1000}[p99[2]]
    requests = number(r"(\d+) requests in", wrk), number(r"Complete requests:\s+(\d+)", ab)
    return {"requests": requests, "failed": failed, "p99": p99, "p99_ab": number(r"99%\s+(\d+)", ab)}


def control(server, *words):
    done = subprocess.run([server.ctl, "-s", server.control, *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"preforkctl {' '.join(words)}: {done.stderr}")


def event(server, kind, i):
    if kind == "reload":
        control(server, "reload")
    elif kind == "scale":
        control(server, "scale", "main", "8" if i % 2 == 0 else "2")
    elif kind == "upgrade":
        control(server, "upgrade", server.another if i % 2 == 0 else server.program)


def processes(status):
    return status["master"]["pid"], [worker["pid"] for worker in status["workers"]]


def run(kind, args):
    port = harness.free_port()
    plugins = os.path.join(args.build, "plugins")
    config = lambda limits: CONFIG.format(plugins=plugins, user=harness.user_setting(), limits=limits, port=port)
    events = args.upgrades if kind == "upgrade" else args.times
    with tempfile.TemporaryDirectory() as folder:
        with harness.Prefork(args.build, folder, config(""), own_session=False) as server:
            server.wait_ready()
            before = figures(*load(port, args.seconds))
        with harness.Prefork(args.build, folder, config("max-requests = 1000\n" if kind == "recycle" else ""),
                             own_session=False) as server:
            server.program = os.path.join(os.path.abspath(args.build), "bin", "prefork-master")
            server.another = shutil.copy(server.program, os.path.join(folder, "another"))
            first = processes(server.wait_ready())
            programs = load(port, args.seconds)
            begin = time.monotonic()
            times = 0
            if kind != "recycle":
                for times in range(1, events + 1):
                    event(server, kind, times - 1)
                    time.sleep(max(0, begin + times * args.seconds / events - time.monotonic()))
            during = figures(*programs)
            status = server.status()
            if kind == "recycle":
                times = status["restarts"].get("max-requests", 0)
            if kind == "upgrade" and processes(status) != first:
                raise SystemExit(f"upgrade: other processes than before: {first}, {processes(status)}")
            others = {reason: n for reason, n in status["restarts"].items() if reason != "max-requests"}
    kept, connecting = during["requests"]
    print(f"{kind}: {times} times, {kept} requests kept alive and {connecting} connecting, {during['failed']} failed, "
          f"p99 {during['p99']:.2f} ms ({before['p99']:.2f} without: {during['p99'] / before['p99']:.2f} times), "
          f"ab's p99 {during['p99_ab']} ms ({before['p99_ab']})" + (f", restarts {others}" if others else ""))
    return during["failed"] == 0 and not others


class Steady(threading.Thread):
    """Asks some hundred times a second until it is told to stop, and counts failures."""

    def __init__(self, port, keeps):
        super().__init__()
        self.port, self.keeps, self.over, self.requests, self.failures = port, keeps, False, 0, []
        self.start()

    def run(self):
        connection = None
        while not self.over:
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
                connection.request("GET", "/", headers={} if self.keeps else {"Connection": "close"})
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    raise OSError(f"status {answer.status}")
                if answer.will_close:
                    connection.close()
                    connection = None
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection = None
            self.requests += 1
            time.sleep(0.003)


def dynamic(args):
    port = harness.free_port()
    config = CONFIG.replace("workers = 2", "workers = 1..8\nidle-worker-timeout = 300ms\nmax-busyness = 8")
    config = config.format(plugins=os.path.join(args.build, "plugins"), user=harness.user_setting(), limits="", port=port)
    kept = connecting = failed = 0
    most = 0
    with tempfile.TemporaryDirectory() as folder, harness.Prefork(args.build, folder, config) as server:
        server.wait_ready()
        steady = [Steady(port, True), Steady(port, False)]
        size = lambda: server.status()["pools"][0]["running"]
        for _ in range(args.times):
            during = figures(*load(port, 1))
            most = max(most, size())
            kept, connecting = kept + during["requests"][0], connecting + during["requests"][1]
            failed += during["failed"]
            patience = time.monotonic() + 60
            while size() > 1:
                if time.monotonic() > patience:
                    raise SystemExit("the pool does not shrink")
                time.sleep(0.05)
        for client in steady:
            client.over = True
            client.join()
        changes = re.findall(r"pool main: (\d+) -> (\d+) workers", server.output())
        restarts = {reason: n for reason, n in server.status()["restarts"].items() if n}
    grown = sum(int(after) > int(before) for before, after in changes)
    print(f"dynamic: {args.times} times from 1 to at most {most} workers and back ({grown} steps up, {len(changes) - grown} "
          f"down), {kept} requests kept alive and {connecting} connecting in bursts, {failed} failed; beside them "
          f"{steady[0].requests} and {steady[1].requests}, {len(steady[0].failures) + len(steady[1].failures)} failed"
          + (f", restarts {restarts}" if restarts else ""))
    for failure in [*steady[0].failures, *steady[1].failures][:5]:
        print("  " + failure)
    return failed == 0 and not steady[0].failures and not steady[1].failures and not restarts and grown >= args.times


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*")
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--upgrades", type=int)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--build", default=harness.default_build())
    args = parser.parse_args()
    kinds = args.kinds or (["upgrade"] if args.upgrades else KINDS)
    if not set(kinds) <= set(KINDS):
        parser.error("the kinds are " + ", ".join(KINDS))
    args.upgrades = args.upgrades or 50
    results = [dynamic(args) if kind == "dynamic" else run(kind, args) for kind in kinds]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
