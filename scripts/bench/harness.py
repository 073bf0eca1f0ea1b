"""Shared by the benchmark programs: a server started for a measurement, its CPU time, its end."""
import json, os, signal, socket, subprocess, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def default_build():
    return os.path.join(ROOT, "build", "release")


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A server in a process group of its own and, unless not wanted, in a session of its own: if the kernel shares the
    CPUs by session (autogrouping, sched(7)), each session gets the same share, however much runs in it.
    Leaving the `with` block ends it."""

    def __init__(self, command, own_session=True):
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        **{"start_new_session": True} if own_session else {"process_group": 0})
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            pass
        self.signal(signal.SIGKILL)
        self.process.wait()

    def signal(self, number):
        try:
            os.killpg(self.pid, number)
        except OSError:
            pass

    def output(self):
        self.log.seek(0)
        return self.log.read()

    def require_running(self):
        if self.process.poll() is not None:
            raise SystemExit(f"the server ended with {self.process.returncode}: {self.output()[-800:]}")


class Prefork(Server):
    """prefork-master with a configuration of its own, identified by its control socket."""

    def __init__(self, build, folder, text, own_session=True):
        self.ctl = os.path.join(build, "bin", "preforkctl")
        self.control = os.path.join(folder, "control.sock")
        path = os.path.join(folder, "prefork.conf")
        with open(path, "w") as file:
            file.write(text)
        super().__init__([os.path.join(build, "bin", "prefork-master"), "-c", path,
                          "-o", "master.control=" + self.control], own_session)

    def status(self):
        answer = subprocess.run([self.ctl, "-s", self.control, "status", "--json"], capture_output=True, text=True)
        return json.loads(answer.stdout) if answer.returncode == 0 else None

    def wait_ready(self, limit=30):
        end = time.monotonic() + limit
        while time.monotonic() < end:
            self.require_running()
            status = self.status() if os.path.exists(self.control) else None
            if status and all(pool["ready"] >= pool["target"] for pool in status["pools"]):
                return status
            time.sleep(0.02)
        raise SystemExit(f"the server was not ready in {limit} s: {self.output()[-800:]}")


def user_setting():
    """If root runs this, the workers stay root: an unprivileged user could not enter a private build folder."""
    return "user = root\n" if os.geteuid() == 0 else ""
