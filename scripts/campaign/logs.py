#!/usr/bin/env python3
"""Logs under load: rotated repeatedly, on a disk that fills up, without a reader. Which lines arrive?

  logs.py [rotate|full|unread|faults]... [--rotations N] [--copytruncate] [--seconds S] [--build DIR]

Clients make numbered lines in the server's log (through a service that logs what it is told) and in an access log
(through requests), as fast as they are answered. At the end every number must be in exactly one of all the files, or be
counted as dropped; every line must be whole; every request must have been answered.

rotate  N times: both files are renamed, then USR1 or `preforkctl reopen`. With --copytruncate they are copied and cut
        instead, which is expected to lose lines.
full    both logs on a file system of 256 KiB, which fills up; then there is room again. Needs a mount namespace.
unread  the server's log on a FIFO that nobody reads for a while.
faults  writes to either log that fail with EIO or EDQUOT for a while, by step_tracer. Needs x86-64, and no sanitizer.

Prints what was written, dropped, lost, doubled and torn. Exits with 1 if a line is doubled, torn, or lost and not counted,
or a request failed. Loopback only.
"""
import argparse, collections, errno, itertools, os, platform, re, shutil, socket, subprocess, sys, tempfile, threading, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench"))
import harness
import stepping

CONFIG = """[master]
log = {log}
[pool main]
log-rate = 0
workers = 2
{user}
[service moody]
plugin = {plugins}/moody.so
listen = tcp://127.0.0.1:{moody}
[service hello]
plugin = hello
listen = tcp://127.0.0.1:{hello}
access-log = {access}
access-log-format = request %U{padding} end
"""
CLIENTS = 2


class Load:
    """Numbered lines from a few clients; `stop` ends it, `sent` has the last answered number of each."""

    def __init__(self, moody, hello, padding, pause):
        self.stopping = threading.Event()
        self.failed = []
        self.sent = collections.Counter()
        self.padding, self.pause = "x" * padding, pause
        self.threads = [threading.Thread(target=self.run, args=(kind, client, port))
                        for client in range(CLIENTS) for kind, port in (("line", moody), ("request", hello))]
        for thread in self.threads:
            thread.start()

    def run(self, kind, client, port):
        try:
            with socket.create_connection(("127.0.0.1", port), 20) as peer:
                answers = peer.makefile("rb")
                while not self.stopping.is_set():
                    name = f"{client}-{self.sent[kind, client]}"
                    (self.say if kind == "line" else self.ask)(peer, answers, name)
                    self.sent[kind, client] += 1
                    if self.pause:
                        time.sleep(self.pause)
        except Exception as error:
            self.failed.append(f"{kind} {client}: {error!r}")

    def say(self, peer, answers, name):
        peer.sendall(f"say 1 line /{name} {self.padding} end\n".encode())
        if answers.readline() != b"said\n":
            raise RuntimeError("no answer")

    def ask(self, peer, answers, name):
        peer.sendall(f"GET /{name} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        if not answers.readline().startswith(b"HTTP/1.1 200"):
            raise RuntimeError("no answer")
        length = 0
        while (line := answers.readline()) not in (b"\r\n", b""):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        answers.read(length)

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def count(self, kind):
        return sum(n for (which, _), n in self.sent.items() if which == kind)


def check(kind, load, texts, dropped, own=0):
    """Looks for every number. `own` of the dropped lines may be the master's, without a number. @return whether all is well"""
    seen, torn = collections.Counter(), 0
    for text in texts:
        torn += bool(text) and not text.endswith("\n")
        for line in text.splitlines():
            found = re.search(rf"{kind} /(\d-\d+) ?x* end$", line)
            if found:
                seen[found[1]] += 1
            elif f"{kind} /" in line or "end" in line.split()[-1:]:
                torn += 1
    wanted = [f"{client}-{n}" for client in range(CLIENTS) for n in range(load.sent[kind, client])]
    lost = sum(1 for name in wanted if name not in seen)
    doubled = sum(1 for times in seen.values() if times > 1)
    print(f"  {kind}s: {len(wanted)} made, {len(seen)} written to {len(texts)} files, {dropped} counted as dropped, "
          f"{lost} lost, {doubled} doubled, {torn} torn")
    return 0 <= dropped - lost <= own and doubled == 0 and torn == 0


def read(path):
    with open(path, encoding="utf-8", errors="replace", newline="\n") as file:
        return file.read()


class Server:
    """prefork-master with its logs, and the load on it."""

    def __init__(self, args, folder, log, access, padding=0, pause=0.0):
        ports = harness.free_port(), harness.free_port()
        plugins = os.path.join(args.build, "tests", "system", "plugins")
        config = CONFIG.format(log=log, access=access, moody=ports[0], hello=ports[1], user=harness.user_setting(),
                               plugins=plugins, padding=" " + "x" * padding if padding else "")
        self.master = harness.Prefork(args.build, folder, config)
        self.master.__enter__()
        self.master.wait_ready()
        self.load = Load(*ports, padding, pause)

    def dropped(self):
        """Lines of the server's log and of the access log that are counted as dropped so far."""
        log = self.master.status()["log"]
        access = sum(each["dropped"] for each in log["access"])
        return log["dropped"] + log["dropped_by_workers"], access + log["access_dropped_by_workers"]

    def untold(self):
        """Lines that the master itself dropped and must report. Of those that a worker could not send to a busy master there
        is only the count."""
        return self.master.status()["log"]["dropped"]

    def control(self, *words):
        subprocess.run([self.master.ctl, "-s", self.master.control, *words], check=True, stdout=subprocess.DEVNULL)

    def settle(self):
        """Waits until all lines have arrived: nothing changes any more."""
        before, since = None, time.monotonic()
        while time.monotonic() - since < 1.5:
            now = self.dropped(), [os.path.getsize(path) for path in self.watched if os.path.exists(path)]
            if now != before:
                before, since = now, time.monotonic()
            time.sleep(0.1)

    watched = ()

    def end(self):
        self.master.__exit__()


def rotate(args, folder):
    log, access = os.path.join(folder, "server.log"), os.path.join(folder, "access.log")
    server = Server(args, folder, log, access, pause=0.0005)
    server.watched = (log, access)
    texts = {log: [], access: []}
    begin = time.monotonic()
    for i in range(args.rotations):
        for path in texts:
            if args.copytruncate:
                shutil.copyfile(path, f"{path}.{i}")
                os.truncate(path, 0)
            else:
                os.rename(path, f"{path}.{i}")
        if args.copytruncate:
            pass
        elif i % 2:
            server.control("reopen")
        else:
            os.kill(server.master.pid, 10)  # USR1
        while not all(os.path.exists(path) for path in texts):
            time.sleep(0.001)
        time.sleep(max(0, begin + (i + 1) * args.seconds / args.rotations - time.monotonic()))
    server.load.stop()
    server.settle()
    dropped = server.dropped()
    server.end()
    for path in texts:
        texts[path] = [read(f"{path}.{i}") for i in range(args.rotations)] + [read(path)]
    print(f"rotate: {args.rotations} rotations of both logs in {time.monotonic() - begin:.1f} s")
    good = check("line", server.load, texts[log], dropped[0])
    return check("request", server.load, texts[access], dropped[1]) and good and not complain(server.load)


def full(args, folder):
    if "LOGS_CAMPAIGN_UNSHARED" not in os.environ:
        print("full: skipped, needs the right to a mount namespace")
        return True
    disk = os.path.join(folder, "disk")
    os.mkdir(disk)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "logs", disk], check=True)
    log, access = os.path.join(disk, "server.log"), os.path.join(disk, "access.log")
    ballast = os.path.join(disk, "ballast")
    with open(ballast, "wb") as file:
        file.write(b"\0" * (128 << 10))
    server = Server(args, folder, log, access, padding=200, pause=0.0005)
    server.watched = (log, access)
    begin = time.monotonic()
    while min(server.dropped()) < 200 and time.monotonic() < begin + 60:
        time.sleep(0.05)
    when_full = server.dropped()
    answered = server.load.count("request")
    time.sleep(args.seconds / 10)
    while_full = server.load.count("request") - answered
    subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
    sizes = os.path.getsize(log), os.path.getsize(access)
    while not all(now > then + 10_000 for now, then in zip((os.path.getsize(log), os.path.getsize(access)), sizes)):
        time.sleep(0.05)
        if time.monotonic() > begin + 120:
            raise SystemExit("full: the logs do not go on")
    server.load.stop()
    server.settle()
    dropped, to_tell = server.dropped(), server.untold()
    server.end()
    text = read(log)
    print(f"full: {when_full[0]} and {when_full[1]} dropped when room was made, {while_full} requests answered "
          f"within {args.seconds / 10:.1f} s without room")
    told = re.findall(r"(\d+) log lines were lost", text), re.findall(r"is written again; (\d+) lines", text)
    print(f"  told in the log: {told[0]} of its own, {told[1]} of the access log")
    good = sum(map(int, told[0])) == to_tell and min(when_full) > 0 and while_full > 0
    good = check("line", server.load, [text], dropped[0], own=20) and good
    return check("request", server.load, [read(access)], dropped[1]) and good and not complain(server.load)


def unread(args, folder):
    fifo, access = os.path.join(folder, "fifo"), os.path.join(folder, "access.log")
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    server = Server(args, folder, fifo, access, padding=200, pause=0.0005)
    server.watched = (access,)
    begin = time.monotonic()
    while server.dropped()[0] < 1000 and time.monotonic() < begin + 60:
        time.sleep(0.05)
    slowest = max(timed(server.dropped) for _ in range(50))
    pieces, stopped = [], threading.Event()

    def drain():
        while not stopped.is_set():
            try:
                if piece := os.read(reader, 1 << 16):
                    pieces.append(piece)
                    continue
            except BlockingIOError:
                pass
            time.sleep(0.001)

    thread = threading.Thread(target=drain)
    thread.start()
    time.sleep(args.seconds / 10)
    server.load.stop()
    server.settle()
    dropped, to_tell = server.dropped(), server.untold()
    server.end()
    stopped.set()
    thread.join()
    text = b"".join(pieces).decode()
    told = sum(map(int, re.findall(r"(\d+) log lines were lost", text)))
    print(f"unread: {told} of {to_tell} lines told of that the master dropped; the slowest of 50 `preforkctl status` meanwhile "
          f"{slowest * 1000:.0f} ms")
    good = told == to_tell and dropped[0] >= 1000
    good = check("line", server.load, [text], dropped[0], own=20) and good
    return check("request", server.load, [read(access)], dropped[1]) and good and not complain(server.load)


FAULTY = 200  # lines, while writes fail and afterwards


def talk(place, kind, numbers):
    """Makes a log line for each number; all clients must be answered."""
    with socket.socket(socket.AF_UNIX if kind == "line" else socket.AF_INET) as peer:
        peer.settimeout(stepping.PATIENCE)
        peer.connect(os.path.join(place.dir, "moody.sock") if kind == "line" else (place.host, 7001))
        answers = peer.makefile("rb")
        for number in numbers:
            if kind == "line":
                peer.sendall(f"say 1 line /{number} end\n".encode())
                if answers.readline() != b"said\n":
                    raise stepping.Wrong("no answer")
                continue
            peer.sendall(f"GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            if not answers.readline().startswith(b"HTTP/1.1 200"):
                raise stepping.Wrong("no answer")
            length = 0
            while (header := answers.readline()) not in (b"\r\n", b""):
                if header.lower().startswith(b"content-length:"):
                    length = int(header.split(b":")[1])
            answers.read(length)


def fault(args, kind, error):
    """Makes writes to one log fail for a while, in the process that makes them. @return lines that it dropped. @throws Wrong"""
    with stepping.Place(args.build) as place:
        path = os.path.join(place.dir, "log" if kind == "line" else "access.log")
        plugin = os.path.join(args.build, "tests", "system", "plugins", "moody.so")
        place.configure(f"[service moody]\nplugin = {plugin}\nlisten = unix:{place.dir}/moody.sock\n")
        with stepping.Server(place, "--wait", "--on", path, "--fail", f"write:{error}:1+") as server:
            def dropped():
                """Lines dropped by the process whose writes fail, and by workers, which do not wait for a traced master."""
                log = server.status()["log"]
                if kind == "line":
                    return log["dropped"], log["dropped_by_workers"]
                return log["access"][0]["dropped"], log["access_dropped_by_workers"]

            server.wait_ready()
            writer = server.wait(
                lambda: next((pid for pid in server.children() if server.name(pid) == "access log"), None),
                "the log writer has no name")
            server.follow(None if kind == "line" else writer)
            talk(place, kind, range(FAULTY))
            server.wait(lambda: sum(dropped()) == FAULTY, f"{FAULTY} dropped lines are not counted")
            to_tell = dropped()[0]
            server.check_rest(0.3)
            if kind == "request":
                told = f"can't be written: {os.strerror(getattr(errno, error))}; lines are dropped"
                server.wait(lambda: server.logged(told), "the log does not say it")
            if server.cease() != "write":
                raise stepping.Wrong("no write has failed")
            talk(place, kind, range(FAULTY, 2 * FAULTY))
            told = f"{to_tell} log lines were lost" if kind == "line" else f"is written again; {to_tell} lines were lost"
            server.wait(lambda: server.logged(told), "the log does not say how many were lost")
            lost = sum(dropped())
            server.stop()
        found = re.findall(r"line /(\d+) end$" if kind == "line" else r"GET /(\d+) ", read(path), re.M)
        written = [int(number) for number in found]
        if not written or len(written) + lost != 2 * FAULTY or written != sorted(set(written)) or written[0] < FAULTY:
            raise stepping.Wrong(f"{len(written)} lines are there, from {written[:1]} to {written[-1:]}; {lost} were dropped")
        return to_tell


def faults(args, folder):
    if platform.machine() != "x86_64":
        print("faults: skipped, calls can be made to fail on x86-64 only")
        return True
    good = True
    for kind, error in itertools.product(("line", "request"), ("EIO", "EDQUOT")):
        try:
            print(f"faults: {fault(args, kind, error)} {kind}s dropped for {error}, counted and told; then written again")
        except stepping.Wrong as wrong:
            print(f"faults: {kind}s, {error}: {wrong}")
            good = False
    return good


def timed(call):
    begin = time.monotonic()
    call()
    return time.monotonic() - begin


def complain(load):
    for line in load.failed:
        print("  failed:", line)
    return bool(load.failed)


KINDS = {"rotate": rotate, "full": full, "unread": unread, "faults": faults}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", default=list(KINDS))
    parser.add_argument("--rotations", type=int, default=100)
    parser.add_argument("--copytruncate", action="store_true")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--build", default=harness.default_build())
    args = parser.parse_args()
    unshare = ["unshare", "--mount", "--propagation", "private"]
    if "full" in args.kinds and "LOGS_CAMPAIGN_UNSHARED" not in os.environ:
        if subprocess.run([*unshare, "true"], stderr=subprocess.DEVNULL).returncode == 0:
            os.environ["LOGS_CAMPAIGN_UNSHARED"] = "1"
            os.execvp("unshare", [*unshare, sys.executable, *sys.argv])
    results = []
    for kind in args.kinds:
        with tempfile.TemporaryDirectory() as folder:
            results.append(KINDS[kind](args, folder))
            if kind == "full" and os.path.ismount(os.path.join(folder, "disk")):
                subprocess.run(["umount", os.path.join(folder, "disk")], check=True)
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
