#!/usr/bin/env python3
"""Compares our echo service with the bare epoll loop `ceiling`, driven in turn by the same client. With `ws`,
compares our WebSocket echo with our tcp echo.

  echo.py [--proto tcp,udp,ws] [--rounds 5] [--seconds 3] [--build build/release]

In each round every server is driven once, so that a drift of the machine's speed affects both. Prints the
median over the rounds of messages/s, its ratio to the first one's within the round, p50 and p99 of the round trip,
server CPU in us per message and errors. Needs: a build with prefork-loadgen, cc. Loopback only.
"""
import argparse, collections, contextlib, json, os, statistics, subprocess, tempfile, time

import harness
import peers


# A server that takes part: the socket type that drives it, and its port.
Contestant = collections.namedtuple("Contestant", "proto port server")


def ours(build, folder, proto, port, workers, plugin="echo"):
    os.makedirs(folder, exist_ok=True)
    return harness.Prefork(build, folder, f"""[pool main]
workers = {workers}
{harness.user_setting()}
[service echo]
plugin = {plugin}
listen = {proto}://127.0.0.1:{port}
""")


def wait_answer(loadgen, proto, port, server):
    """Waits until the server echoes one connection's messages for a second without a fault."""
    for _ in range(20):
        server.require_running()
        time.sleep(0.1)
        command = [loadgen, "--proto", proto, "--connections", "1", "--seconds", "1", f"127.0.0.1:{port}"]
        if subprocess.run(command, capture_output=True).returncode == 0:
            return
    raise SystemExit(f"no echo on {proto} port {port}: {server.output()[-400:]}")


def drive(loadgen, proto, port, server, options):
    before = peers.session_cpu(server.pid)
    done = subprocess.run([loadgen, "--proto", proto, "--json", "--connections", str(options.connections),
                           "--bytes", str(options.bytes), "--pipeline", str(options.pipeline),
                           "--seconds", str(options.seconds), f"127.0.0.1:{port}"], capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)
    row = json.loads(done.stdout)
    row["cpu_us"] = (peers.session_cpu(server.pid) - before) * 1e6 / max(1, row["messages"])
    row["errors"] = row["wrong"] + row["closed"] + row["lost"]
    return row


def contestants(options, proto, folder, ceiling):
    """Name and contestant; the others are compared with the first."""
    first, second = harness.free_port(), harness.free_port()

    def own(name, proto, port, plugin):
        return ours(options.build, os.path.join(folder, name), proto, port, options.workers, plugin)
    if proto == "ws":
        return {"tcp": Contestant("tcp", first, own("tcp", "tcp", first, "echo")),
                "ws": Contestant("ws", second, own("ws", "tcp", second, "ws-echo"))}
    mode = "echo" if proto == "tcp" else "udp-echo"
    return {"ceiling": Contestant(proto, first, harness.Server([ceiling, str(first), str(options.workers), mode])),
            "ours": Contestant(proto, second, own("ours", proto, second, "echo"))}


def measure(options, proto, folder, ceiling):
    loadgen = os.path.join(options.build, "bin", "prefork-loadgen")
    servers = contestants(options, proto, folder, ceiling)
    rows = {name: [] for name in servers}
    with contextlib.ExitStack() as running:
        for one in servers.values():
            running.enter_context(one.server)
        for one in servers.values():
            if isinstance(one.server, harness.Prefork):
                one.server.wait_ready()
            wait_answer(loadgen, one.proto, one.port, one.server)
        for turn in range(options.rounds):
            # So that neither always gets the quieter half of the round.
            for name in sorted(servers, reverse=turn % 2 == 1):
                one = servers[name]
                rows[name].append(drive(loadgen, one.proto, one.port, one.server, options))
    return rows


def report(proto, rows, options):
    def median(name, key):
        return statistics.median(row[key] for row in rows[name])
    print(f"\n{proto} echo ({options.connections} connections, {options.bytes} bytes, pipeline {options.pipeline}, "
          f"{options.workers} workers, median of {options.rounds} x {options.seconds} s; ratio to {next(iter(rows))})")
    print(f"  {'server':10} {'msg/s':>10} {'ratio':>6} {'min-max':>13} {'p50 us':>8} {'p99 us':>8} {'cpu us/msg':>10} "
          f"{'ratio':>6} {'errors':>7}")
    for name in rows:
        first = rows[next(iter(rows))]
        rates = [a["messages_per_second"] / b["messages_per_second"] for a, b in zip(rows[name], first)]
        cpu = [a["cpu_us"] / b["cpu_us"] for a, b in zip(rows[name], first) if b["cpu_us"]]
        print(f"  {name:10} {median(name, 'messages_per_second'):10.0f} {statistics.median(rates):6.2f} "
              f"{min(rates):6.2f}-{max(rates):.2f} {median(name, 'p50_us'):8.0f} {median(name, 'p99_us'):8.0f} "
              f"{median(name, 'cpu_us'):10.2f} {statistics.median(cpu) if cpu else 0:6.2f} "
              f"{sum(row['errors'] for row in rows[name]):7d}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=harness.default_build())
    parser.add_argument("--proto", default="tcp,udp")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--bytes", type=int, default=64)
    parser.add_argument("--pipeline", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="echo") as folder:
        ceiling = os.path.join(folder, "ceiling")
        subprocess.check_call(["cc", "-O2", "-o", ceiling, os.path.join(harness.HERE, "ceiling.c")])
        for proto in options.proto.split(","):
            report(proto, measure(options, proto, folder, ceiling), options)


if __name__ == "__main__":
    main()
