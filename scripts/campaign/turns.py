#!/usr/bin/env python3
"""The longest turns of the master's loop, caused by requests to it and by what happens to its workers.

  turns.py [--build DIR] [--limit MS]

Starts prefork-master with shared objects of the largest possible shapes (a queue of 2^20 messages and as many dead letters,
a topic of 2^20, a table of a million rows, 65,536 permits), fills them, and prints for each operation how long it took and
the longest turn of the master's loop so far. It asks for `status` all the time, and also prints the longest wait for that.
Exits with 1 if a turn took longer than the limit (20 ms). A busy machine makes turns long: run it alone. Loopback only.
"""
import argparse, json, os, signal, socket, sys, tempfile, threading, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench"))
import harness

MANY = 1 << 20
CONFIG = """[master]
plugin-path = {plugins}
[pool main]
workers = 2
worker-timeout = 10m
{user}[service bulk]
plugin = {plugins}/bulk.so
listen = tcp://127.0.0.1:{port}
jobs-capacity = {many}
jobs-dead-letters = {many}
jobs-hold-limit = 4s
news-capacity = {many}
rows-rows = 1000000
gate-permits = 65536
gate-hold-limit = 4s
"""


class Control:
    def __init__(self, path):
        self.path = path

    def tell(self, line):
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(self.path)
            peer.sendall((line + "\n").encode())
            return json.loads(peer.makefile().readline())


class Asker(threading.Thread):
    """Asks for the status continuously, on a connection of its own."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.control, self.longest, self.going = Control(path), 0.0, True
        self.start()

    def run(self):
        while self.going:
            begun = time.monotonic()
            self.control.tell("status")
            self.longest = max(self.longest, time.monotonic() - begun)
            time.sleep(0.002)


def say(peer, line):
    peer.sendall((line + "\n").encode())
    return int(peer.makefile().readline())


def kill_and_wait(control, victim):
    os.kill(victim, signal.SIGKILL)
    while True:
        status = control.tell("status")
        pids = [worker["pid"] for worker in status["workers"] if worker["state"] == "ready"]
        if victim not in pids and len(pids) == 2:
            return
        time.sleep(0.005)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--build", default=harness.default_build())
    arguments.add_argument("--limit", type=float, default=20)
    args = arguments.parse_args()
    plugins = os.path.join(args.build, "tests", "system", "plugins")
    port = harness.free_port()
    text = CONFIG.format(plugins=plugins, user=harness.user_setting(), port=port, many=MANY)
    with tempfile.TemporaryDirectory() as folder, harness.Prefork(args.build, folder, text) as server:
        server.wait_ready()
        control, peer = Control(server.control), socket.create_connection(("127.0.0.1", port))
        pid = say(peer, "pid")
        asker = Asker(server.control)

        def turn():
            return control.tell("status")["master"]["longest_turn_us"] / 1000

        print(f"{'':34}{'took ms':>10}{'longest turn ms':>17}{'status waited ms':>18}")
        print(f"{'start':34}{'':>10}{turn():17.1f}{asker.longest * 1000:18.1f}")

        def measure(name, act):
            begun = time.monotonic()
            act()
            took = time.monotonic() - begun
            print(f"{name:34}{took * 1000:10.0f}{turn():17.1f}{asker.longest * 1000:18.1f}", flush=True)

        def told(line):
            answer = control.tell(line)
            if not answer["ok"]:
                raise SystemExit(answer["error"])

        for line in (f"bury {MANY - MANY // 64}", f"fill {MANY}", f"take {MANY // 2}", "rows 1000000", "permits 65536"):
            measure(f"worker: {line}", lambda: say(peer, line))
        for line in ("ipc", "metrics", "queue list bulk.jobs"):
            measure(line, lambda: told(line))
        measure("death of who holds all", lambda: kill_and_wait(control, pid))
        measure("queue requeue, the queue is full", lambda: told("queue requeue bulk.jobs"))
        measure("reload", lambda: told("reload"))
        peer = socket.create_connection(("127.0.0.1", port))
        say(peer, f"take {MANY}")
        peer.close()
        worker = control.tell("status")["workers"][0]["pid"]
        for pid in [w["pid"] for w in control.tell("status")["workers"]]:
            measure("death", lambda: kill_and_wait(control, pid))
        measure("queue drop bulk.jobs", lambda: told("queue drop bulk.jobs"))
        asker.going = False
        longest = turn()
    if longest > args.limit:
        raise SystemExit(f"a turn took {longest:.1f} ms")


if __name__ == "__main__":
    main()
