#!/usr/bin/env python3
"""A worker under an attacker's control, beside a pool under load: what the others notice.

  hostile.py [--seconds S] [--seed N] [--build DIR]

The pool `evil` runs tests/system/plugins/hostile.cpp as nobody: its workers constantly overwrite the memory that they
share, fill, truncate and change whatever they have open, print, fork and signal the master. The pool `main` serves wrk (8
kept connections) and ab (2 clients that connect for each request); reloads of it and upgrades of the master alternate,
two per second. Every 20 ms a client asks the master for its status, on a connection of its own. Prints how long that
took, and the results of the clients of `main`. Exits with 1 if a request or a change failed. Needs: root, wrk, ab, a build with
tests. Loopback only.
"""
import argparse, json, os, random, socket, statistics, subprocess, sys, tempfile, threading, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench"))
import harness, reload

CONFIG = """[master]
shutdown-timeout = 2s
log-level = warning
[pool main]
workers = 2
[service hello]
plugin = {build}/plugins/hello.so
listen = tcp://127.0.0.1:{good}
[pool evil]
workers = 2
user = nobody
limit-core = 0
worker-timeout = 1s
[service hostile]
plugin = {build}/tests/system/plugins/hostile.so
pool = evil
listen = tcp://127.0.0.1:{evil}
"""


class Until(threading.Thread):
    """Does something repeatedly until it is told to end."""

    def __init__(self, work, pause):
        super().__init__(daemon=True)
        self.work, self.pause, self.over = work, pause, threading.Event()
        self.start()

    def run(self):
        while not self.over.is_set():
            self.work()
            self.over.wait(self.pause)

    def end(self):
        self.over.set()
        self.join()


def enrage(port, rng):
    try:
        with socket.create_connection(("127.0.0.1", port), 0.5) as s:
            s.settimeout(0.5)
            s.sendall(f"rage 400 {rng.randrange(1 << 31)}\n".encode())
            s.recv(100)
    except OSError:
        pass  # it is not alive, or does not answer


def ask_status(server, taken):
    begin = time.monotonic()
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(30)
        s.connect(server.control)
        s.sendall(b"status\n")
        answer = b""
        while not answer.endswith(b"\n"):
            answer += s.recv(1 << 16) or sys.exit("the master closes")
    taken.append((time.monotonic() - begin) * 1000)
    return json.loads(answer)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--build", default=os.path.join(here, "..", "..", "build", "release"))
    args = parser.parse_args()
    rng, build = random.Random(args.seed), os.path.abspath(args.build)
    print(f"seed {args.seed}")
    taken, quiet, changes = [], [], 0
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        good, evil = harness.free_port(), harness.free_port()
        text = CONFIG.format(build=build, good=good, evil=evil)
        with harness.Prefork(build, folder, text, own_session=False) as server:
            server.wait_ready()
            for _ in range(50):
                ask_status(server, quiet)
            load = (subprocess.Popen(["wrk", f"-d{args.seconds}s", "-c8", "-t1", "--latency", f"http://127.0.0.1:{good}/"],
                                     stdout=subprocess.PIPE, text=True),
                    subprocess.Popen(["ab", "-q", "-t", str(args.seconds), "-n", "100000000", "-c", "2",
                                      f"http://127.0.0.1:{good}/"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
            others = [Until(lambda: enrage(evil, rng), 0.05), Until(lambda: ask_status(server, taken), 0.02)]
            end = time.monotonic() + args.seconds
            while time.monotonic() < end:
                reload.control(server, *(["reload", "--only", "main"] if changes % 2 == 0 else ["upgrade"]))
                changes += 1
                time.sleep(0.5)
            for other in others:
                other.end()
            figures = reload.figures(*load)
            died = sum(ask_status(server, quiet)["restarts"].values())
    taken.sort()
    print(f"{changes} changes, {died} workers replaced; good pool: {figures['requests'][0]} and {figures['requests'][1]} "
          f"requests, {figures['failed']} failed")
    print(f"status, ms: median {statistics.median(taken):.1f}, 99 % {taken[len(taken) * 99 // 100]:.1f}, longest "
          f"{taken[-1]:.1f} of {len(taken)}; at rest {statistics.median(quiet):.1f}")
    sys.exit(1 if figures["failed"] else 0)


if __name__ == "__main__":
    main()
