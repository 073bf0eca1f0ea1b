"""Shared by the step campaigns: a server below step_tracer, what a client sees of it, what is left of it."""
import collections, contextlib, json, os, shutil, socket, subprocess, tempfile, threading, time

PATIENCE = 10  # seconds that anything may take; the machine may be small and busy
CONFIG = """[master]
control = {dir}/control.sock
pid-file = {dir}/master.pid
shutdown-timeout = 3s
[pool main]
workers = 2
boot-timeout = 5s
{user}
[service hello]
plugin = hello
listen = tcp://{host}:7001
access-log = {dir}/access.log
[service echo]
plugin = echo
listen = unix:{dir}/echo.sock
listen = unix-dgram:{dir}/echo.dgram
listen = udp://{host}:7001
"""
# In the order in which a master that starts, and its fork server, fork them.
FORK_SERVER, INSPECTORS, LOG_WRITER, WORKERS = 1, (2, 3, 4), 5, (6, 7)
SOCKETS = 5 + 2 * 64  # of a master at rest: listeners, control socket, both ends of the bells
MAY_STAY = {"prefork.conf", "access.log", "log", "log-of-next"}


class Wrong(Exception):
    """Something that must not happen."""


class Place:
    """A folder and a loopback address that no other run has at the same time."""
    numbers, lock = iter(range(1, 60000)), threading.Lock()

    def __init__(self, build):
        with Place.lock:
            n = next(Place.numbers)
        self.build, self.dir = build, tempfile.mkdtemp(prefix="prefork-steps-")
        self.tracers = []
        self.host = f"127.{200 + os.getpid() % 50}.{1 + n // 250}.{1 + n % 250}"
        self.control = os.path.join(self.dir, "control.sock")
        self.config = os.path.join(self.dir, "prefork.conf")
        self.configure()

    def configure(self, more=""):
        with open(self.config, "w") as file:
            user = "user = nobody" if os.geteuid() == 0 else ""
            file.write(CONFIG.format(dir=self.dir, host=self.host, user=user) + more)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir, ignore_errors=True)

    def logs(self):
        text = ""
        for name in ("log", "log-of-next"):
            if os.path.exists(path := os.path.join(self.dir, name)):
                with open(path, errors="replace") as file:
                    text += f"--- {name}\n{file.read()}"
        return text

    def processes(self):
        """Everything that the servers here have left: each tracer has a session of its own."""
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{name}/stat") as file:
                    fields = file.read().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) in self.tracers and int(name) not in self.tracers:
                found.append(int(name))
        return found


def is_fork_server(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            line = file.read()
    except OSError:
        return False
    return b"--fork-server=" in line or b": fork server" in line


class Server:
    """prefork-master as step_tracer's child. Leaving the `with` block ends both."""

    def __init__(self, place, *options, log="log"):
        self.place, self.lines, self.buffer, self.patience = place, [], b"", PATIENCE
        self.log_path = os.path.join(place.dir, log)
        bin_dir = os.path.join(place.build, "bin")
        with open(self.log_path, "w") as log:
            self.tracer = subprocess.Popen(
                [os.path.join(bin_dir, "step_tracer"), *map(str, options), "--",
                 os.path.join(bin_dir, "prefork-master"), "-c", place.config],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True)
        place.tracers.append(self.tracer.pid)
        os.set_blocking(self.tracer.stdout.fileno(), False)
        self.pid = int(self.wait_word("started").split()[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tracer.stdin.close()
        self.tracer.wait()
        self.tracer.stdout.close()

    # What the tracer reports.

    def heard(self, word):
        """The last line that begins with this word."""
        try:
            while chunk := os.read(self.tracer.stdout.fileno(), 65536):
                self.buffer += chunk
        except BlockingIOError:
            pass
        *lines, self.buffer = self.buffer.split(b"\n")
        self.lines += [line.decode() for line in lines]
        return next((line for line in reversed(self.lines) if line.split()[0] == word), None)

    def wait_word(self, word, patience=PATIENCE):
        return self.wait(lambda: self.heard(word), f"step_tracer does not say {word}", patience)

    def tell(self, line):
        with contextlib.suppress(BrokenPipeError):  # all has ended, and the tracer with it
            os.write(self.tracer.stdin.fileno(), line.encode() + b"\n")

    def follow(self, pid=None):
        self.tell(f"follow {pid or self.pid}")
        self.wait_word("following")

    def cease(self):
        """Makes the tracer stop interfering. @return the call at which it interfered, or None"""
        self.tell("cease")
        self.wait(lambda: self.heard("ceased") or self.heard("gone"), "step_tracer does not cease")
        return self.struck()

    def struck(self):
        hit = self.heard("hit")
        return hit.split()[1] if hit else None

    def calls(self):
        """How often each call was made since the tracer has followed it."""
        self.lines = [line for line in self.lines if not line.startswith(("calls ", "reported"))]
        self.tell("report")
        self.wait(lambda: self.heard("reported") or self.heard("gone"), "step_tracer does not report")
        words = [line.split() for line in self.lines if line.startswith("calls ")]
        return collections.Counter({name: int(times) for _, name, times in words})

    def exit_code(self):
        ended = self.heard("ended")
        return int(ended.split()[1]) if ended else None

    # What the server says and does.

    def wait(self, condition, what, patience=PATIENCE):
        end = time.monotonic() + patience
        while not (result := condition()):
            if time.monotonic() > end:
                raise Wrong(f"{what} within {patience} s")
            time.sleep(0.002)
        return result

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def logged(self, text, times=1):
        return self.log().count(text) >= times

    def ask(self, words, patience=None):
        """Sends a command to the control socket. @return its answer; None: the master has ended or no longer listens"""
        patience = patience or self.patience
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(patience)
                s.connect(self.place.control)
                s.sendall(words.encode() + b"\n")
                answer = b""
                while not answer.endswith(b"\n"):
                    chunk = s.recv(65536)
                    if not chunk:
                        return None
                    answer += chunk
                return json.loads(answer)
        except TimeoutError:
            raise Wrong(f"no answer to {words} within {patience} s") from None
        except OSError:
            return None

    def status(self):
        answer = self.ask("status")
        return answer if answer and "pools" in answer else {"pools": [], "workers": [], "totals": {}}

    def is_ready(self, workers=2):
        status = self.status()
        ready = sum(pool["ready"] for pool in status["pools"])
        return status if ready == workers == len(status["workers"]) else None

    def wait_ready(self, workers=2, patience=PATIENCE):
        def ready():
            if self.exit_code() is not None:
                raise Wrong(f"the master has ended with {self.exit_code()}")
            return self.is_ready(workers)
        return self.wait(ready, f"{workers} workers are not ready", patience)

    def request(self, patience=PATIENCE):
        """Sends one request of each kind of client. @return what is wrong; None: all were served"""
        try:
            with socket.create_connection((self.place.host, 7001), patience) as s:
                s.settimeout(patience)
                s.sendall(b"GET / HTTP/1.0\r\n\r\n")
                answer = b""
                while chunk := s.recv(4096):
                    answer += chunk
                if b" 200 " not in answer[:16]:
                    return f"hello answers {answer[:60]}"
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(patience)
                s.connect(os.path.join(self.place.dir, "echo.sock"))
                s.sendall(b"x")
                if s.recv(1) != b"x":
                    return "echo closes"
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.settimeout(patience)
                s.sendto(b"x", (self.place.host, 7001))
                s.recv(1)
        except OSError as error:
            return f"a client fails: {error}"
        return None

    def must_serve(self, patience=PATIENCE):
        if wrong := self.request(patience):
            raise Wrong(wrong)

    # What the system says about it.

    def check_rights(self):
        """Every process that serves has exactly the user, the groups and the bits of the configuration."""
        import pwd
        for worker in self.status()["workers"]:
            if worker["state"] not in ("ready", "busy"):
                continue  # a worker that was told to retire may not have begun to serve
            try:
                with open(f"/proc/{worker['pid']}/status") as file:
                    fields = dict(line.rstrip("\n").split(":", 1) for line in file)
            except OSError:
                continue  # it has just ended
            if fields["State"].split()[0] == "Z":
                continue
            user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
            uid, gid = (user.pw_uid, user.pw_gid) if user else (os.getuid(), os.getgid())
            groups = set(os.getgrouplist("nobody", gid)) if user else set(os.getgroups())
            wanted = {"Uid": {uid}, "Gid": {gid}, "Groups": groups, "NoNewPrivs": {1}}
            for name, values in wanted.items():
                if set(map(int, fields[name].split())) != values:
                    raise Wrong(f"worker {worker['pid']} serves with {name} {fields[name].split()}")
            if foreign := {self.place.dir + "/master.pid"} & set(self.descriptors(worker["pid"])):
                raise Wrong(f"worker {worker['pid']} has the master's {foreign}")
            if user and int(fields["CapEff"], 16) | int(fields["CapPrm"], 16):
                raise Wrong(f"worker {worker['pid']} serves with capabilities {fields['CapEff']}")

    def descriptors(self, pid=None):
        """What a process has open, without what differs from run to run."""
        kinds, folder = {}, f"/proc/{pid or self.pid}/fd"
        try:
            numbers = os.listdir(folder)
        except OSError:
            return kinds  # it has just ended
        for fd in numbers:
            try:
                target = os.readlink(f"{folder}/{fd}").split(":[")[0]
            except OSError:
                continue
            kinds[target] = kinds.get(target, 0) + 1
        return kinds

    def descriptors_at_rest(self):
        """The master's descriptors, once it has seen that the last control connection is closed; without that of the fork
        server, which it starts when it needs one."""
        def at_rest():
            held = self.descriptors()
            held["socket"] = held.get("socket", 0) - (self.fork_server() is not None)
            return held if held["socket"] == SOCKETS else None
        return self.wait(at_rest, "control connections stay open")

    def all_children(self):
        try:
            with open(f"/proc/{self.pid}/task/{self.pid}/children") as file:
                return list(map(int, file.read().split()))
        except OSError:
            return []  # the master has ended

    def children(self):
        """The processes that work for clients."""
        return [pid for pid in self.all_children() if not is_fork_server(pid)]

    def fork_server(self):
        return next(filter(is_fork_server, self.all_children()), None)

    def name(self, pid):
        try:
            with open(f"/proc/{pid}/comm") as file:
                return file.read().strip()
        except OSError:
            return None

    def cpu_seconds(self):
        total = 0
        for pid in [self.pid, *self.children()] if self.exit_code() is None else []:
            try:
                with open(f"/proc/{pid}/stat") as file:
                    fields = file.read().rpartition(")")[2].split()
                total += int(fields[11]) + int(fields[12])
            except OSError:
                pass
        return total / os.sysconf("SC_CLK_TCK")

    def check_rest(self, seconds):
        """Without new requests, no process may take half of a processor, or make system calls all the time."""
        before, calls_before = self.cpu_seconds(), self.calls()
        time.sleep(seconds)
        taken, calls = self.cpu_seconds() - before, self.calls() - calls_before
        del calls["rt_sigaction"]  # about 80 at each start of a process: not a call that a loop repeats
        # A process that spins makes the same calls repeatedly; one that starts makes a few of many kinds.
        often = sum(times for _, times in calls.most_common(2))
        if taken > seconds / 2 + 0.1 or often > 500 * seconds + 100:
            raise Wrong(f"it spins: {taken:.2f} s of CPU time in {seconds} s, calls {calls.most_common(4)}")

    # Its end.

    def signal(self, number):
        self.tell(f"signal {int(number)}")

    def check_gone(self, patience=3):
        """The master has ended: so must all that it had started."""
        try:
            self.wait_word("gone", patience)
        except Wrong:
            raise Wrong(f"processes are left after {patience} s: {self.place.processes()}") from None

    def check_left(self):
        if left := self.place.processes():
            raise Wrong(f"processes are left: {left}")
        if left := set(os.listdir(self.place.dir)) - MAY_STAY:
            raise Wrong(f"files are left: {sorted(left)}")

    def stop(self):
        """A graceful stop, and nothing left behind."""
        self.signal(15)
        self.wait_word("ended")
        if self.exit_code() != 0:
            raise Wrong(f"it stops with {self.exit_code()}")
        self.check_gone()
        self.check_left()
