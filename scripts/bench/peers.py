#!/usr/bin/env python3
"""Side-by-side load test of HTTP servers on loopback.

Every server serves the same work from the same folder; in each round every server is driven in turn,
so a drift of the machine's speed affects all alike. Prints, per scenario and server, the median over
rounds of: requests/s, its ratio to the first server named, p50/p99 latency, server CPU in us per
request (user+system of the server's whole session) and failed requests.

  peers.py                                    all peers installed, all scenarios
  peers.py --servers nginx,ours --scenarios hello,close --rounds 5
  peers.py --ours build/release/bin/prefork-master      ours too, with ours-hello.conf filled in

Needs: wrk (and the peers to be measured): nginx-light h2o lighttpd apache2 uwsgi-core
uwsgi-plugin-python3 gunicorn, a C compiler. Python standard library only.
"""
import argparse, json, os, re, shutil, signal, socket, statistics, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))

SCENARIOS = {
    # name: (path, connections, wrk extra, script)
    "hello": ("/hello", 64, [], None),
    "hello512": ("/hello", 512, [], None),
    "close": ("/hello", 64, ["-H", "Connection: close"], None),
    "pipeline": ("/hello", 64, [], "pipeline16.lua"),
    "file1k": ("/1k.html", 64, [], None),
    "file100k": ("/100k.bin", 64, [], None),
    "file10m": ("/10m.bin", 8, [], None),
}


def write(path, text):
    with open(path, "w") as f:
        f.write(text)
    return path


def make_root(tmp):
    root = os.path.join(tmp, "www")
    os.makedirs(root)
    write(os.path.join(root, "index.html"), "<h1>bench</h1>\n")
    write(os.path.join(root, "1k.html"), ("<p>" + "x" * 1015 + "</p>\n")[:1024])
    for name, size in (("100k.bin", 100 * 1024), ("10m.bin", 10 * 1024 * 1024)):
        with open(os.path.join(root, name), "wb") as f:
            f.write(os.urandom(size))
    os.chmod(tmp, 0o755)
    return root


def cmd_ceiling(tmp, root, port, workers):
    exe = os.path.join(tmp, "ceiling")
    if not os.path.exists(exe):
        subprocess.check_call(["cc", "-O2", "-o", exe, os.path.join(HERE, "..", "..", "tests", "bench", "ceiling.c")])
    return [exe, str(port), str(workers)]


def cmd_ceiling_even(tmp, root, port, workers):
    """Workers with the same number of connections each, like ours: the same work, batch by batch."""
    return cmd_ceiling(tmp, root, port, workers) + ["even"]


def cmd_nginx(tmp, root, port, workers):
    conf = write(os.path.join(tmp, "nginx.conf"), f"""
daemon off; worker_processes {workers}; pid {tmp}/nginx.pid; error_log /dev/null; user root;
events {{ worker_connections 20000; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; open_file_cache max=1000 inactive=60s;
  types {{ text/html html; application/octet-stream bin; }}
  client_body_temp_path {tmp}/ngx1; proxy_temp_path {tmp}/ngx2; fastcgi_temp_path {tmp}/ngx3; uwsgi_temp_path {tmp}/ngx4; scgi_temp_path {tmp}/ngx5;
  server {{ listen 127.0.0.1:{port} backlog=4096; root {root};
    location = /hello {{ default_type text/plain; return 200 "Hello, World!"; }} }}
}}""")
    return ["nginx", "-c", conf]


def cmd_h2o(tmp, root, port, workers):
    write(os.path.join(root, "hello"), "Hello, World!")
    conf = write(os.path.join(tmp, "h2o.conf"), f"""
listen: {{host: 127.0.0.1, port: {port}}}
num-threads: {workers}
hosts:
  default:
    paths:
      "/": {{ file.dir: "{root}" }}
""")
    return ["h2o", "-m", "worker", "-c", conf]


def cmd_lighttpd(tmp, root, port, workers):
    write(os.path.join(root, "hello"), "Hello, World!")
    conf = write(os.path.join(tmp, "lighttpd.conf"), f"""
server.document-root = "{root}"
server.port = {port}
server.bind = "127.0.0.1"
server.max-worker = {workers}
server.max-connections = 16000
server.max-fds = 32000
server.max-keep-alive-requests = 0
server.stat-cache-engine = "simple"
mimetype.assign = ( ".html" => "text/html", "" => "text/plain" )
""")
    return ["lighttpd", "-D", "-f", conf]


def cmd_apache(tmp, root, port, workers, mpm="event"):
    write(os.path.join(root, "hello"), "Hello, World!")
    mods = "/usr/lib/apache2/modules"
    limits = (f"ServerLimit {workers}\nThreadsPerChild 300\nMaxRequestWorkers {300 * workers}\nStartServers {workers}\nThreadLimit 300\nMinSpareThreads 1\nMaxSpareThreads {300*workers}"
              if mpm == "event" else "ServerLimit 600\nMaxRequestWorkers 600\nStartServers 70\nMinSpareServers 5\nMaxSpareServers 600")
    conf = write(os.path.join(tmp, f"apache-{mpm}.conf"), f"""
ServerRoot {tmp}
ServerName localhost
PidFile {tmp}/apache-{mpm}.pid
Mutex file:{tmp} default
ErrorLog /dev/null
Listen 127.0.0.1:{port}
LoadModule mpm_{mpm}_module {mods}/mod_mpm_{mpm}.so
LoadModule authz_core_module {mods}/mod_authz_core.so
LoadModule mime_module {mods}/mod_mime.so
TypesConfig /etc/mime.types
{limits}
KeepAlive On
MaxKeepAliveRequests 0
DocumentRoot {root}
EnableSendfile On
User www-data
Group www-data
<Directory {root}>
  Require all granted
</Directory>
""")
    return ["apache2", "-D", "FOREGROUND", "-f", conf]


def cmd_apache_prefork(tmp, root, port, workers):
    return cmd_apache(tmp, root, port, workers, "prefork")


def cmd_uwsgi(tmp, root, port, workers):
    write(os.path.join(tmp, "app.py"), "def application(e, s):\n    s('200 OK', [('Content-Type','text/plain'),('Content-Length','13')])\n    return [b'Hello, World!']\n")
    return ["uwsgi", "--plugin", "python3", "--http-socket", f"127.0.0.1:{port}", "--master", "-p", str(workers), "-l", "128",
            "--disable-logging", "--add-header", "Connection: Close", "--static-map", f"/static={root}", "--chdir", tmp, "-w", "app"]


def cmd_gunicorn(tmp, root, port, workers):
    cmd_uwsgi(tmp, root, port, workers)
    return ["gunicorn", "-w", str(workers), "-b", f"127.0.0.1:{port}", "--keep-alive", "60", "--chdir", tmp, "app:application"]


PEERS = {  # name: (binary, command maker, scenarios it can do)
    "ceiling": ("cc", cmd_ceiling, {"hello", "hello512", "close", "pipeline"}),
    "ceiling-even": ("cc", cmd_ceiling_even, {"hello", "hello512", "close", "pipeline"}),
    "nginx": ("nginx", cmd_nginx, set(SCENARIOS)),
    "h2o": ("h2o", cmd_h2o, set(SCENARIOS)),
    "lighttpd": ("lighttpd", cmd_lighttpd, set(SCENARIOS)),
    "apache-event": ("apache2", cmd_apache, set(SCENARIOS)),
    "apache-prefork": ("apache2", cmd_apache_prefork, set(SCENARIOS)),
    "uwsgi-python": ("uwsgi", cmd_uwsgi, {"close"}),
    "gunicorn-sync": ("gunicorn", cmd_gunicorn, {"close"}),
}


def session_cpu(sid):
    """CPU seconds of all live processes of a session, dead children reaped by them included."""
    hz, total = os.sysconf("SC_CLK_TCK"), 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            f = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(f[3]) == sid:
            total += sum(map(int, f[11:15]))
    return total / hz


def session_pss_kib(sid):
    total = n = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if int(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[3]) != sid:
                continue
            total += int(re.search(r"^Pss:\s+(\d+)", open(f"/proc/{pid}/smaps_rollup").read(), re.M).group(1))
            n += 1
        except (OSError, AttributeError):
            continue
    return total, n


def wait_port(port, proc, limit=15):
    end = time.time() + limit
    while time.time() < end:
        if proc.poll() is not None:
            raise RuntimeError(f"server exited with {proc.returncode} before listening")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("server never listened")


def to_ms(text):
    m = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text)
    if not m:
        return float("nan")  # wrk prints this when a run completed no request
    return float(m.group(1)) * {"us": 1e-3, "ms": 1, "s": 1e3, "m": 6e4}[m.group(2)]


def wrk(port, scenario, seconds):
    path, conns, extra, script = SCENARIOS[scenario]
    cmd = ["wrk", "-t1", f"-c{conns}", f"-d{seconds}s", "--latency"] + extra
    if script:
        cmd += ["-s", os.path.join(HERE, script)]
    out = subprocess.run(cmd + [f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True).stdout
    errors = sum(map(int, re.findall(r"(?:connect|read|write|timeout) (\d+)", out)))
    non2xx = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    total = re.search(r"(\d+) requests in", out)
    return {"rps": float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)),
            "requests": int(total.group(1)),
            # At the line's start: a line further up, the share within one deviation, may also end in 50% or 99%.
            "p50": to_ms(re.search(r"^ +50%\s+(\S+)", out, re.M).group(1)),
            "p99": to_ms(re.search(r"^ +99%\s+(\S+)", out, re.M).group(1)),
            "errors": errors + (int(non2xx.group(1)) if non2xx else 0)}


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--servers", help="comma list; the first is what ratios are taken to")
    ap.add_argument("--scenarios", default=",".join(SCENARIOS))
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--seconds", type=int, default=3)
    ap.add_argument("--workers", type=int, default=2)
    ap.add_argument("--ours", metavar="PREFORK_MASTER", help="our binary, run with --conf")
    ap.add_argument("--conf", default=os.path.join(HERE, "ours-hello.conf"), help="configuration for ours; {port} {workers} {root} {tmp} are filled in")
    ap.add_argument("--json", help="write all figures to this file")
    a = ap.parse_args()
    names = (a.servers or "nginx,ceiling,h2o,lighttpd,apache-event,apache-prefork,uwsgi-python,gunicorn-sync" + (",ours" if a.ours else "")).split(",")
    results, port = {}, 18080
    with tempfile.TemporaryDirectory(prefix="peers") as tmp:
        root, running = make_root(tmp), {}
        try:
            for name in names:
                port += 1
                if name == "ours":
                    text = open(a.conf).read()
                    for key, value in {"port": port, "workers": a.workers, "root": root, "tmp": tmp}.items():
                        text = text.replace("{%s}" % key, str(value))
                    cmd, can = [os.path.abspath(a.ours), "-c", write(os.path.join(tmp, "ours.conf"), text)], set(SCENARIOS)
                    if "plugin = static" not in text:
                        can = {"hello", "hello512", "close", "pipeline"}
                else:
                    binary, make, can = PEERS[name]
                    if not shutil.which(binary):
                        print(f"# {name}: {binary} is not installed, left out", file=sys.stderr)
                        continue
                    cmd = make(tmp, root, port, a.workers)
                log = open(os.path.join(tmp, name + ".log"), "w")
                proc = subprocess.Popen(cmd, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
                try:
                    wait_port(port, proc)
                except RuntimeError as e:
                    print(f"# {name}: {e}: {open(log.name).read()[-400:]}", file=sys.stderr)
                    continue
                running[name] = (proc, port, can)
            time.sleep(0.5)
            for name, (proc, _, _) in running.items():
                kib, n = session_pss_kib(proc.pid)
                print(f"# idle memory {name}: {kib} KiB PSS in {n} processes")
            for scenario in a.scenarios.split(","):
                for _ in range(a.rounds):
                    for name, (proc, p, can) in running.items():
                        if scenario not in can:
                            continue
                        before = session_cpu(proc.pid)
                        r = wrk(p, scenario, a.seconds)
                        r["cpu_us"] = (session_cpu(proc.pid) - before) * 1e6 / max(1, r["requests"])
                        results.setdefault(scenario, {}).setdefault(name, []).append(r)
        finally:
            for proc, _, _ in running.values():
                try:
                    os.killpg(proc.pid, signal.SIGTERM)
                    proc.wait(5)
                except (OSError, subprocess.TimeoutExpired):
                    try:
                        os.killpg(proc.pid, signal.SIGKILL)
                    except OSError:
                        pass
    med = lambda rows, key: statistics.median(r[key] for r in rows)
    for scenario, by in results.items():
        base_name = next(iter(by))
        print(f"\n{scenario} (c={SCENARIOS[scenario][1]}, {a.workers} workers, median of {a.rounds} x {a.seconds} s; ratio to {base_name})")
        print(f"  {'server':16} {'req/s':>10} {'ratio':>6} {'min-max':>13} {'p50 ms':>8} {'p99 ms':>8} {'cpu us/req':>10} {'ratio':>6} {'errors':>7}")
        for name, rows in by.items():
            pair = [r["rps"] / b["rps"] for r, b in zip(rows, by[base_name])]
            cpair = [r["cpu_us"] / b["cpu_us"] for r, b in zip(rows, by[base_name]) if b["cpu_us"]]
            print(f"  {name:16} {med(rows,'rps'):10.0f} {statistics.median(pair):6.2f} {min(pair):6.2f}-{max(pair):.2f} {med(rows,'p50'):8.2f} "
                  f"{med(rows,'p99'):8.2f} {med(rows,'cpu_us'):10.2f} {statistics.median(cpair) if cpair else 0:6.2f} {sum(r['errors'] for r in rows):7d}")
    if a.json:
        write(a.json, json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
