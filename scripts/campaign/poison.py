#!/usr/bin/env python3
"""Good answers per second while clients send requests that crash the worker, for prefork and for other servers with one
process per worker.

  poison.py [--rates 0,1,10,100] [--servers prefork,gunicorn,uwsgi,php-fpm] [--rounds 3] [--seconds 4] [--build build/release]

Every server has 4 workers and answers `/` with 13 bytes. wrk asks for it, 16 connections at a time, one request on
each; beside it poison clients connect, ask for `/crash`, whose handler kills its process by SIGSEGV, and leave at once:
at an even rate per second. In each round each server is asked at each rate in turn. Prints the medians over the rounds:
good answers (2xx) per second, their fraction of the same server's without poison, the longest time without a good
answer to a client that asks every 10 ms, the failed requests of wrk and of that client, and how many crashes were
requested. A client whose request is in a worker that dies gets no answer from any server; behind nginx (php-fpm) it
gets a 502. Exit code 1 if prefork was not ahead of a peer in good answers at any rate above 0. Needs: a build with
tests, wrk; gunicorn, uwsgi-core with uwsgi-plugin-python3, php-fpm with nginx-light, whichever are installed. Loopback
only.
"""
import argparse, glob, os, re, shutil, socket, statistics, subprocess, sys, tempfile, threading, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bench"))
import harness

WORKERS = 4
PYTHON_APP = """import os, signal
def application(environ, start_response):
    if environ['PATH_INFO'] == '/crash':
        os.kill(os.getpid(), signal.SIGSEGV)
    start_response('200 OK', [('Content-Type', 'text/plain'), ('Content-Length', '13')])
    return [b'Hello, World!']
"""
PHP_APP = """<?php
if ($_SERVER['SCRIPT_NAME'] === '/crash') { posix_kill(posix_getpid(), SIGSEGV); }
header('Content-Type: text/plain'); echo 'Hello, World!';
"""


def write(path, text):
    with open(path, "w") as file:
        file.write(text)
    return path


def prefork(options, folder, port):
    plugin = os.path.join(os.path.abspath(options.build), "tests/system/plugins/who.so")
    return harness.Prefork(options.build, folder,
                           f"[pool main]\nworkers = {WORKERS}\nlimit-core = 0\n{harness.user_setting()}"
                           f"[service hello]\nplugin = {plugin}\nanswer = Hello, World!\nlisten = tcp://127.0.0.1:{port}\n")


def gunicorn(_, folder, port):
    write(os.path.join(folder, "app.py"), PYTHON_APP)
    return harness.Server(["gunicorn", "-w", str(WORKERS), "-b", f"127.0.0.1:{port}", "--chdir", folder, "--log-level",
                           "critical", "app:application"])


def uwsgi(_, folder, port):
    write(os.path.join(folder, "app.py"), PYTHON_APP)
    return harness.Server(["uwsgi", "--plugin", "python3", "--http-socket", f"127.0.0.1:{port}", "--master", "-p",
                           str(WORKERS), "-l", "128", "--disable-logging", "--add-header", "Connection: close", "--chdir", folder, "-w", "app"])


class PhpFpm(harness.Server):
    """php-fpm behind nginx, as it is usually run."""

    def __init__(self, folder, port):
        os.chmod(folder, 0o755)
        script = write(os.path.join(folder, "app.php"), PHP_APP)
        pool = write(os.path.join(folder, "fpm.conf"), f"""[global]
daemonize = no
error_log = /dev/null
[www]
listen = {folder}/fpm.sock
listen.mode = 0666
listen.backlog = 4096
user = nobody
group = nogroup
pm = static
pm.max_children = {WORKERS}
""")
        conf = write(os.path.join(folder, "nginx.conf"), f"""
daemon off; worker_processes 2; pid {folder}/nginx.pid; error_log /dev/null; user root;
events {{ worker_connections 10000; }}
http {{ access_log off;
  client_body_temp_path {folder}/n1; proxy_temp_path {folder}/n2; fastcgi_temp_path {folder}/n3;
  uwsgi_temp_path {folder}/n4; scgi_temp_path {folder}/n5;
  server {{ listen 127.0.0.1:{port} backlog=4096;
    location / {{ fastcgi_pass unix:{folder}/fpm.sock; fastcgi_param SCRIPT_FILENAME {script};
      fastcgi_param SCRIPT_NAME $uri; fastcgi_param REQUEST_METHOD $request_method; }} }} }}
""")
        super().__init__([glob.glob("/usr/sbin/php-fpm*")[-1], "-R", "-y", pool])
        self.front = harness.Server(["nginx", "-c", conf])

    def __exit__(self, *words):
        self.front.__exit__(*words)
        super().__exit__(*words)


SERVERS = {  # name: (what must be there, how it is started)
    "prefork": (lambda: True, prefork),
    "gunicorn": (lambda: shutil.which("gunicorn"), gunicorn),
    "uwsgi": (lambda: shutil.which("uwsgi"), uwsgi),
    "php-fpm": (lambda: glob.glob("/usr/sbin/php-fpm*") and shutil.which("nginx"),
                lambda _, folder, port: PhpFpm(folder, port)),
}


def ask(port, path, answer=True):
    with socket.create_connection(("127.0.0.1", port), 2) as client:
        client.settimeout(2)
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        return answer and client.recv(64).startswith(b"HTTP/1.1 200")


def wait_answer(port, limit=20):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        try:
            if ask(port, "/"):
                return
        except OSError:
            pass
        time.sleep(0.02)
    raise SystemExit(f"the server does not answer within {limit} s")


class Beside(threading.Thread):
    """Calls `step` once a `period`, evenly, until the `with` block is left."""

    def __init__(self, period, step):
        super().__init__()
        self.period, self.step, self.over = period, step, threading.Event()

    def run(self):
        due = time.monotonic()
        while not self.over.wait(max(0.0, due - time.monotonic())):
            self.step()
            due = max(due + self.period, time.monotonic() - 1)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()


class Probe:
    """A client of its own: the longest time for which it had no good answer."""

    def __init__(self, port):
        self.port, self.last, self.longest, self.failed = port, time.monotonic(), 0.0, 0

    def __call__(self):
        try:
            good = ask(self.port, "/")
        except OSError:
            good = False
        now = time.monotonic()
        self.longest = max(self.longest, now - self.last)
        if good:
            self.last = now
        else:
            self.failed += 1


def measure(port, rate, seconds):
    asked = 0

    def poison():
        nonlocal asked
        try:
            ask(port, "/crash", answer=False)
            asked += 1
        except OSError:
            pass

    probe = Probe(port)
    command = ["wrk", "-t1", "-c16", f"-d{seconds}s", "-H", "Connection: close", f"http://127.0.0.1:{port}/"]
    with Beside(0.01, probe):
        if rate > 0:
            with Beside(1 / rate, poison):
                out = subprocess.run(command, capture_output=True, text=True).stdout
        else:
            out = subprocess.run(command, capture_output=True, text=True).stdout
    requests = int(re.search(r"(\d+) requests in", out).group(1))
    other = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    bad = int(other.group(1)) if other else 0
    failed = bad + sum(map(int, re.findall(r"(?:connect|read|write|timeout) (\d+)", out)))
    return {"good": (requests - bad) / seconds, "gap": probe.longest, "failed": failed + probe.failed, "asked": asked}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rates", default="0,1,10,100")
    parser.add_argument("--servers", default=",".join(SERVERS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--build", default=harness.default_build())
    options = parser.parse_args()
    rates = [int(rate) for rate in options.rates.split(",")]
    results = {}
    for _ in range(options.rounds):
        for name in options.servers.split(","):
            is_there, start = SERVERS[name]
            if not is_there():
                print(f"# {name} is not installed, left out", file=sys.stderr)
                continue
            for rate in rates:
                port = harness.free_port()
                with tempfile.TemporaryDirectory(prefix="poison") as folder, start(options, folder, port):
                    wait_answer(port)
                    results.setdefault((name, rate), []).append(measure(port, rate, options.seconds))
    median = lambda key, what: statistics.median(row[what] for row in results[key])
    print(f"{WORKERS} workers, median of {options.rounds} x {options.seconds} s")
    print(f"{'server':10} {'crashes/s':>9} {'good/s':>8} {'of without':>10} {'longest gap ms':>14} {'failed':>7} {'asked':>6}")
    for name, rate in results:
        without = median((name, 0), "good") if (name, 0) in results else float("nan")
        key = (name, rate)
        print(f"{name:10} {rate:9} {median(key, 'good'):8.0f} {median(key, 'good') / without:10.2f} "
              f"{1000 * median(key, 'gap'):14.0f} {median(key, 'failed'):7.0f} {median(key, 'asked'):6.0f}")
    behind = [key for key in results if key[1] > 0 and key[0] != "prefork" and ("prefork", key[1]) in results
              and median(key, "good") >= median(("prefork", key[1]), "good")]
    for name, rate in behind:
        print(f"behind {name} at {rate} crashes/s")
    return 1 if behind else 0


if __name__ == "__main__":
    sys.exit(main())
