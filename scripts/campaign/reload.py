#!/usr/bin/env python3
"""Reloads, scalings and recycling under load: what clients notice.

  reload.py [reload|scale|recycle]... [--times N] [--seconds S] [--build DIR]

For each kind: S seconds of load without it, then S seconds in which it happens N times, evenly spread. The load is wrk
with 32 connections that are kept and, beside it, ab with 16 clients that connect for each request. Prints requests, failed
ones, and p99 of both halves. Exits with 1 where a request failed. Needs: wrk, ab. Loopback only.

recycle runs with max-requests = 1000 and counts the workers that were replaced.
"""
import argparse, os, re, subprocess, sys, tempfile, threading, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench"))
import harness

CONFIG = """[pool main]
workers = 2
{user}{limits}
[service hello]
plugin = hello
listen = tcp://127.0.0.1:{port}
"""


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


def run(kind, args):
    port = harness.free_port()
    limits = "max-requests = 1000\n" if kind == "recycle" else ""
    with tempfile.TemporaryDirectory() as folder:
        quiet = CONFIG.format(user=harness.user_setting(), limits="", port=port)
        with harness.Prefork(args.build, folder, quiet) as server:
            server.wait_ready()
            before = figures(*load(port, args.seconds))
        with harness.Prefork(args.build, folder, CONFIG.format(user=harness.user_setting(), limits=limits, port=port)) as server:
            server.wait_ready()
            programs = load(port, args.seconds)
            begin = time.monotonic()
            times = 0
            if kind != "recycle":
                for times in range(1, args.times + 1):
                    event(server, kind, times - 1)
                    time.sleep(max(0, begin + times * args.seconds / args.times - time.monotonic()))
            during = figures(*programs)
            status = server.status()
            if kind == "recycle":
                times = status["restarts"].get("max-requests", 0)
            others = {reason: n for reason, n in status["restarts"].items() if reason != "max-requests"}
    kept, connecting = during["requests"]
    print(f"{kind}: {times} times, {kept} requests kept alive and {connecting} connecting, {during['failed']} failed, "
          f"p99 {during['p99']:.2f} ms ({before['p99']:.2f} without: {during['p99'] / before['p99']:.2f} times), "
          f"ab's p99 {during['p99_ab']} ms ({before['p99_ab']})" + (f", restarts {others}" if others else ""))
    return during["failed"] == 0 and not others


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", default=["reload", "scale", "recycle"])
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--build", default=harness.default_build())
    args = parser.parse_args()
    results = [run(kind, args) for kind in args.kinds]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
