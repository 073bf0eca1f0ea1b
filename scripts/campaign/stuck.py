#!/usr/bin/env python3
"""How long until a stuck handler's worker is aborted, counted from the end of its request-timeout.

  stuck.py [--times N] [--timeout MS] [--build DIR]

Gets a worker stuck N times in each way: a loop, a sleep, a coroutine that loops after a wait, a loop in a blocking service,
SIGSTOP while it serves and while it waits. Prints the shortest, median and longest delay. Exits with 1 if a delay is longer
than a second (for a worker stopped while it waits: than a second plus what its time-out lacks to two seconds). Loopback only.
"""
import argparse, os, signal, socket, statistics, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench"))
import harness

CONFIG = """[master]
plugin-path = {plugins}
[pool main]
workers = 1
worker-timeout = 10m
{user}[pool calls]
workers = 1
worker-timeout = 10m
{user}[service stuck]
plugin = {plugins}/stuck.so
listen = tcp://127.0.0.1:{http}
request-timeout = {timeout}ms
[service calls]
plugin = {plugins}/stuck_blocking.so
listen = tcp://127.0.0.1:{line}
request-timeout = {timeout}ms
pool = calls
"""
WAYS = {"loop": "/loop", "sleep": "/sleep", "loop after a wait": "/late-loop", "loop of a blocking service": None,
        "SIGSTOP while it serves": "/sleep", "SIGSTOP while it waits": None}


def worker(server, pool):
    return next(w["pid"] for w in server.status()["workers"] if w["pool"] == pool and w["state"] != "aborting")


def get(port, path):
    peer = socket.create_connection(("127.0.0.1", port))
    peer.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    return peer


def strike(server, way, ports):
    """@return (when it became stuck, what must be closed)"""
    if way == "SIGSTOP while it waits":
        os.kill(worker(server, "main"), signal.SIGSTOP)
        return time.monotonic(), None
    if way == "loop of a blocking service":
        peer = socket.create_connection(("127.0.0.1", ports[1]))
        peer.sendall(b"loop\n")
        return time.monotonic(), peer
    peer = get(ports[0], WAYS[way])
    since = time.monotonic()
    if way == "SIGSTOP while it serves":
        time.sleep(0.05)
        os.kill(worker(server, "main"), signal.SIGSTOP)
    return since, peer


def measure(server, way, ports, timeout):
    aborted = "is past a request-timeout: it is aborted"
    before = server.output().count(aborted)
    server.wait_ready()
    stopped = worker(server, "main") if way.startswith("SIGSTOP") else None
    since, peer = strike(server, way, ports)
    while server.output().count(aborted) == before:
        if time.monotonic() > since + timeout + 60:
            raise SystemExit(f"{way}: not found within a minute:\n" + server.output()[-800:])
        time.sleep(0.003)
    delay = time.monotonic() - since - timeout
    if stopped:
        os.kill(stopped, signal.SIGCONT)  # SIGABRT waits for it
    if peer:
        peer.close()
    return delay


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--timeout", type=int, default=2000)
    parser.add_argument("--build", default=harness.default_build())
    args = parser.parse_args()
    ports = harness.free_port(), harness.free_port()
    timeout, late = args.timeout / 1000, False
    text = CONFIG.format(plugins=os.path.join(args.build, "tests", "system", "plugins"), user=harness.user_setting(),
                         http=ports[0], line=ports[1], timeout=args.timeout)
    with tempfile.TemporaryDirectory(prefix="prefork-stuck-") as folder, harness.Prefork(args.build, folder, text) as server:
        print(f"{'':28} shortest  median  longest   seconds after a time-out of {timeout:g} s")
        for way in WAYS:
            delays = [measure(server, way, ports, timeout) for _ in range(args.times)]
            allowed = 1.05 + (max(0, 2 - timeout) if way == "SIGSTOP while it waits" else 0)
            late = late or max(delays) > allowed
            print(f"{way:28} {min(delays):8.2f} {statistics.median(delays):7.2f} {max(delays):8.2f}", flush=True)
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
