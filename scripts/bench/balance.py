#!/usr/bin/env python3
"""How evenly busy workers share held connections: connections per worker, as preforkctl reports them.

  balance.py [--workers 4] [--connections 800] [--build build/release]

Each connection keeps one message under way while they are counted. Exit code 1 if a worker is more than
--tolerance (10 %) away from the mean. Needs: a build with prefork-loadgen. Loopback only.
"""
import argparse, os, subprocess, sys, tempfile, time

import harness


def count(server, wanted):
    """The connections of each worker once all are open; the last count if that takes more than 5 s."""
    end = time.monotonic() + 5
    while True:
        status = server.status()
        counts = [worker["connections"] for worker in status["workers"]]
        if sum(counts) >= wanted or time.monotonic() > end:
            return counts
        time.sleep(0.05)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=harness.default_build())
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--connections", type=int, default=800)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tolerance", type=float, default=10, help="per cent")
    options = parser.parse_args()
    port, worst = harness.free_port(), 0.0
    with tempfile.TemporaryDirectory(prefix="balance") as folder:
        config = (f"[pool main]\nworkers = {options.workers}\n{harness.user_setting()}"
                  f"[service echo]\nplugin = echo\nlisten = tcp://127.0.0.1:{port}\n")
        with harness.Prefork(options.build, folder, config) as server:
            server.wait_ready()
            for turn in range(options.rounds):
                load = subprocess.Popen([os.path.join(options.build, "bin", "prefork-loadgen"), "--connections",
                                         str(options.connections), "--seconds", "6", f"127.0.0.1:{port}"],
                                        stdout=subprocess.PIPE, text=True)
                counts = count(server, options.connections)
                said = load.communicate()[0].splitlines()[0]
                mean = sum(counts) / len(counts)
                off = max(abs(n - mean) for n in counts) * 100 / mean if mean else 100.0
                worst = max(worst, off if sum(counts) == options.connections else 100.0)
                print(f"round {turn + 1}: connections per worker {counts}, together {sum(counts)}, "
                      f"at most {off:.1f} % from the mean; {said}", flush=True)
    return 0 if worst <= options.tolerance else 1


if __name__ == "__main__":
    sys.exit(main())
