#!/usr/bin/env python3
"""The server's log in a real rsyslogd, with a socket and a configuration of its own: what arrives, and in which form?

  rsyslog.py [--rsyslogd PROGRAM] [--modules FOLDER] [--build DIR]

A service logs lines of each level, including long lines and lines with bytes that are not text; a worker is killed;
rsyslogd is killed, lines are logged without a daemon, and another rsyslogd is started. Every line must arrive once, whole,
with its facility, severity, program and pid; lines lost without a daemon must be counted, and the count must arrive. Then
the same as JSON. Needs no root; skipped if there is no rsyslogd (Debian: rsyslog). Loopback and a temporary folder only.
"""
import argparse, contextlib, json, os, re, shutil, signal, socket, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench"))
import harness

DAEMON = """module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{dir}/log" RateLimit.Interval="0")
global(workDirectory="{dir}")
template(name="all" type="list") {{
  property(name="syslogfacility-text") constant(value=" ") property(name="syslogseverity-text")
  constant(value=" ") property(name="programname") constant(value=" ") property(name="procid")
  constant(value=" ") property(name="timereported" dateFormat="unixtimestamp")
  constant(value="|") property(name="msg") constant(value="\\n")
}}
action(type="omfile" file="{dir}/out" template="all" asyncWriting="off")
"""
SERVER = """[master]
log = syslog
log-level = debug
log-format = {form}
syslog-facility = local3
syslog-socket = {dir}/log
[pool main]
workers = 1
{user}
[service moody]
plugin = {plugin}
listen = tcp://127.0.0.1:{port}
"""
SEVERITIES = ("debug", "info", "notice", "warning", "err")  # of the levels 0 to 4
PATIENCE = 15
LINES, LONGEST = 500, 800
wrong = []


def check(condition, what):
    if not condition:
        wrong.append(what)
        print(f"  WRONG: {what}", flush=True)


def eventually(condition):
    end = time.monotonic() + PATIENCE
    while not (result := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return result


class Daemon:
    def __init__(self, args, folder):
        self.args, self.folder, self.out = args, folder, os.path.join(folder, "out")
        self.config = os.path.join(folder, "rsyslog.conf")
        with open(self.config, "w") as file:
            file.write(DAEMON.format(dir=folder))
        self.start()

    def start(self):
        modules = ["-M", self.args.modules] if self.args.modules else []
        self.process = subprocess.Popen(
            [self.args.rsyslogd, "-n", "-C", "-f", self.config, "-i", os.path.join(self.folder, "pid"), *modules],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        if not eventually(self.answers):
            raise SystemExit("rsyslogd does not take datagrams")

    def answers(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s, contextlib.suppress(OSError):
            s.connect(os.path.join(self.folder, "log"))
            return True
        return False

    def kill(self):
        self.process.kill()
        self.process.wait()

    def lines(self):
        """(facility, severity, program, pid, time, text) of each message"""
        if not os.path.exists(self.out):
            return []
        with open(self.out, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            text = file.read()
        found = []
        for line in text.splitlines():
            head, _, message = line.partition("|")
            found.append((*head.split(" "), message.removeprefix(" ")))
        return found

    def wait(self, part, times=1):
        found = eventually(lambda: (got := [line for line in self.lines() if part in line[5]]) and len(got) >= times and got)
        check(found and len(found) == times, f"{part!r} is there {len(found or [])} times, not {times}")
        return found[0] if found else ("", "", "", "", "0", "")


class Client:
    def __init__(self, port):
        self.peer = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.answers = self.peer.makefile("rb")

    def say(self, level, text):
        self.peer.sendall(f"say {level} ".encode() + text + b"\n")
        if self.answers.readline() != b"said\n":
            raise SystemExit("the service does not answer")


def try_form(args, form):
    with tempfile.TemporaryDirectory() as folder:
        daemon, port = Daemon(args, folder), harness.free_port()
        plugin = os.path.join(args.build, "tests", "system", "plugins", "moody.so")
        text = SERVER.format(form=form, dir=folder, user=harness.user_setting(), plugin=plugin, port=port)
        with harness.Prefork(args.build, folder, text) as server:
            server.wait_ready()
            run(daemon, server, Client(port), form)
            server.signal(signal.SIGTERM)
            server.process.wait(PATIENCE)
        daemon.wait("has stopped")
        for line in daemon.lines():
            check(line[:1] == ("local3",) and line[2:4] == ("prefork-master", str(server.pid)), f"a head of {line}")
            check(abs(time.time() - int(line[4])) < 600, f"a time of {line}")
            if form == "json":
                check(isinstance(json.loads(line[5]), dict), f"no object: {line}")
        daemon.kill()
        print(f"{form}: {len(daemon.lines())} lines", flush=True)


def run(daemon, server, client, form):
    for level, severity in enumerate(SEVERITIES):
        client.say(level, f"at level {level}".encode())
        check(daemon.wait(f"at level {level}")[1] == severity, f"level {level} is no {severity}")
    check(daemon.wait(") starts")[1] == "notice", "the start is no notice")
    client.say(2, "gr\u00fc\u00dfe <13>Jan 1 00:00:00 host x: %s".encode() + b"\x01\x1b[31m")
    arrived = daemon.wait("host x: ")[5]
    if form == "json":
        arrived = json.loads(arrived)["message"]
    said = "gr\u00fc\u00dfe <13>Jan 1 00:00:00 host x: %s\x01\x1b[31m"
    if form == "text":
        said = said.encode().decode("latin-1").translate({byte: f"\\x{byte:02x}" for byte in [*range(32), *range(127, 256)]})
    check(arrived.endswith(said), f"it has changed: {arrived}")
    client.say(2, b"long " + b"y" * LONGEST + b" end")
    check(" end" in daemon.wait("long yyy")[5], "a long line is cut")
    client.say(2, b"longer " + b"z" * 2 * LONGEST)
    check("zzz..." in daemon.wait("longer zzz")[5], "a line that is too long does not end with ...")

    # The kernel queues a few for a daemon that is not running (net.unix.max_dgram_qlen); those beyond are counted.
    for i in range(LINES):
        client.say(1, f"number {i:03}.".encode())
    counted = lambda: sum(server.status()["log"][name] for name in ("dropped", "dropped_by_workers"))
    numbers = lambda: [line[5][line[5].index("number "):][:10] for line in daemon.lines() if "number " in line[5]]
    check(eventually(lambda: len(numbers()) + counted() == LINES), f"{len(numbers())} of {LINES}, {counted()} counted as dropped")
    check(numbers() == sorted(set(numbers())), "lines are doubled or in disorder")
    told = lambda: sum(int(text) for line in daemon.lines() for text in re.findall(r"(\d+) log lines were lost", line[5]))
    check(eventually(lambda: told() == server.status()["log"]["dropped"]), f"{told()} lost lines are told of")
    print(f"{form}: {len(numbers())} of {LINES} at once, {counted()} counted as dropped, {told()} of them told", flush=True)
    before = server.status()["log"]["dropped"]

    daemon.kill()
    for i in range(7):
        client.say(3, f"into nothing {i}".encode())
    check(eventually(lambda: server.status()["log"]["dropped"] == before + 7), "7 dropped lines are not counted")
    daemon.start()
    check(eventually(lambda: told() == before + 7), f"{told()} lost lines are told of, not {before + 7}")
    check(all(line[1] == "warning" for line in daemon.lines() if "log lines were lost" in line[5]), "a count is no warning")
    check(not any("into nothing" in line[5] for line in daemon.lines()), "a line is both counted and there")

    victim = server.status()["workers"][0]["pid"]
    os.kill(victim, signal.SIGKILL)
    check(daemon.wait("killed by SIGKILL")[1] in ("warning", "err"), "a killed worker is no warning")
    server.wait_ready()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rsyslogd", default=shutil.which("rsyslogd") or shutil.which("rsyslogd", path="/usr/sbin"))
    parser.add_argument("--modules")
    parser.add_argument("--build", default=harness.default_build())
    args = parser.parse_args()
    if not args.rsyslogd:
        print("skipped: there is no rsyslogd here")
        return
    for form in ("text", "json"):
        try_form(args, form)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
