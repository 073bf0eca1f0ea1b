#!/usr/bin/env python3
"""Makes system calls fail, one kind at a time, in the master, in its fork server or in its workers, once or for ever.

  faults.py [CALL]... [--of master|server|workers] [--positions P] [--sample N] [--seed S] [--jobs J] [--build DIR]

A fault occurs during the start, or in a running server that is then made busy: clients, a killed worker, scaling, a
reload. Each call fails with each error of its man page: at up to P of the times that the call is made, and at all times
from the first on. What must hold:

  - The master serves, or ends with an exit code and a sentence that names the call or the error, or goes on and says so in
    its log; within a deadline, never hanging.
  - A worker that serves has exactly the user, groups, capabilities and no_new_privs that the configuration says.
  - At rest master and workers take less than half a processor.
  - Once calls no longer fail, it serves with all its workers; SIGTERM ends it with 0, and nothing is left behind.

Exit code 1: something was wrong. --sample N: N random ones.
"""
import argparse, collections, concurrent.futures, contextlib, os, random, signal, socket, sys, time

import stepping
from stepping import Place, Server, Wrong

# Errors by call, from the man pages. EINTR, and errors that the kernel returns only for a moment, are not tried for ever.
FAULTS = {
    "openat": "EMFILE ENFILE ENOMEM EACCES EINTR", "socket": "EMFILE ENOBUFS ENOMEM EACCES", "bind": "EADDRINUSE EACCES",
    "listen": "EADDRINUSE", "accept4": "EMFILE ENFILE ENOMEM ENOBUFS ECONNABORTED EPERM EINTR EAGAIN EPROTO",
    "connect": "EAGAIN ECONNREFUSED EINTR", "setsockopt": "ENOMEM", "epoll_create1": "EMFILE ENOMEM",
    "epoll_ctl": "ENOMEM ENOSPC", "epoll_wait": "EINTR", "clone": "EAGAIN ENOMEM", "pipe2": "EMFILE ENFILE",
    "memfd_create": "EMFILE ENOMEM", "mmap": "ENOMEM", "mprotect": "ENOMEM", "fallocate": "ENOSPC EINTR",
    "ftruncate": "EIO EINTR", "sendfile": "EIO ENOMEM", "flock": "ENOLCK EINTR", "setgroups": "EPERM ENOMEM",
    "setresgid": "EPERM EAGAIN", "setresuid": "EPERM EAGAIN", "prctl": "EPERM EINVAL", "close_range": "ENOSYS EPERM EMFILE",
    "pidfd_open": "EMFILE ENOSYS EPERM", "pidfd_send_signal": "EPERM ENOSYS", "eventfd2": "EMFILE ENOMEM",
    "signalfd4": "EMFILE ENOMEM", "timer_create": "EAGAIN", "read": "EINTR EIO", "write": "EINTR EAGAIN ENOSPC EIO EDQUOT",
    "sendto": "EAGAIN ECONNRESET ENOBUFS EINTR", "sendmsg": "EAGAIN ECONNRESET ENOMEM", "recvmsg": "EINTR ENOMEM ECONNRESET",
    "socketpair": "EMFILE ENFILE ENOMEM", "execve": "ENOENT ENOMEM EACCES", "recvfrom": "EAGAIN ECONNRESET EINTR ENOMEM",
    "close": "EINTR EIO", "wait4": "EINTR", "getrandom": "EINTR ENOSYS", "poll": "EINTR ENOMEM", "fcntl": "EPERM",
    "getsockopt": "ENOBUFS", "getsockname": "ENOBUFS", 
    "newfstatat": "ENOMEM", "unlink": "EACCES", "readlink": "EACCES", "prlimit64": "EPERM"}
FOR_A_MOMENT = {"EINTR", "EAGAIN", "ECONNABORTED", "EPROTO"}
LASTING = {("clone", "EAGAIN"), ("timer_create", "EAGAIN"), ("setresuid", "EAGAIN")}
# How a message may name a call: by the program's name for it.
NAMES = {"openat": ["open"], "clone": ["fork"], "fallocate": ["posix_fallocate"], "mmap": ["memory", "map"],
         "mprotect": ["memory", "shared object"], "newfstatat": ["stat", "lstat"], "sendfile": ["copy"],
         "eventfd2": ["eventfd"], "signalfd4": ["signalfd"], "getrandom": ["random"]}

Fault = collections.namedtuple("Fault", "busy target call error first lasting")


def describe(fault):
    when = f"from the {fault.first}. on" if fault.lasting else f"the {fault.first}. time"
    return f"{fault.call} gives {fault.error} {when}, {fault.target}, {'busy' if fault.busy else 'start'}"


def options_for(place, fault):
    options = ["--fail", f"{fault.call}:{fault.error}:{fault.first}{'+' if fault.lasting else ''}"] if fault.error else []
    if fault.busy:
        options.append("--wait")
    if fault.target == "server":  # for ever: in each process that is started; once: in the first one, from its start on
        return options + ["--of", "server" if fault.busy or fault.lasting else stepping.FORK_SERVER]
    if fault.target == "workers":
        return options + ["--of", f"{1 if fault.busy else stepping.WORKERS[0]}+"]
    return options + ([] if fault.busy else ["--from", place.config])


def make_busy(server, fault):
    """A little of everything: each request may be refused, but none may hang."""
    for _ in range(3):
        server.request(1)
    for name in ("main/0", "main/1"):
        victim = next((pid for pid in server.children() if server.name(pid) == name), None)
        if victim:
            os.kill(victim, signal.SIGKILL)
            break
    for words in ("scale main 3", "reload", "reopen", "ipc", "scale main 2"):
        ask(server, fault, words)
    server.request(1)


def ask(server, fault, words):
    """A master that can't receive because a call fails can't answer. One that can start no worker gives up a reload after
    boot-timeout, shutdown-timeout and ten seconds."""
    try:
        return server.ask(words, 1 if is_deaf(fault) else 30 if fault.lasting else None)
    except Wrong:
        if not is_deaf(fault):
            raise
        return None


@contextlib.contextmanager
def clients_at_the_door(server):
    """Clients that wait: a server that can't accept them must neither forget them nor try all the time."""
    with contextlib.ExitStack() as stack:
        for family, address in ((socket.AF_INET, (server.place.host, 7001)), (socket.AF_UNIX, server.place.control),
                                (socket.AF_UNIX, os.path.join(server.place.dir, "echo.sock"))):
            client = stack.enter_context(socket.socket(family))
            client.setblocking(False)
            with contextlib.suppress(OSError):
                client.connect(address)
        yield


def is_deaf(fault):
    return fault.target == "master" and fault.lasting and fault.call in ("accept4", "recvfrom", "sendto", "getsockopt")


def named(text, fault):
    words = [fault.call.rstrip("0123456789"), *NAMES.get(fault.call, []), os.strerror(getattr(__import__("errno"), fault.error))]
    if fault.target == "server":  # the master does not know more
        words.append("fork server")
    return any(word.lower() in text.lower() for word in words)


def check_end(server, fault):
    text = server.log()
    server.check_gone()
    if fault.call != "flock":  # nobody can tell whose file it is
        server.check_left()
    if server.exit_code() not in (64, 66, 67, 69, 70, 71, 73, 74, 77, 78):
        raise Wrong(f"it ends with {server.exit_code()}")
    if fault.call == "write" and fault.lasting:
        return  # it can't say anything
    lines = [line for line in text.splitlines() if line.startswith("prefork-master: ")]
    if not lines:
        raise Wrong("it ends without a sentence")
    if not named(lines[-1], fault):
        raise Wrong(f"the sentence does not name what failed: {lines[-1]}")


def settle(server):
    """Waits until it is ready, has ended, or its time is up."""
    end = time.monotonic() + 1.5
    while time.monotonic() < end and server.exit_code() is None:
        if server.logged("is ready", 2):
            return
        time.sleep(0.01)


def strike(server, fault):
    if fault.busy:
        server.wait_ready()
        server.follow()
        make_busy(server, fault)
    else:
        settle(server)


def run(build, fault):
    """@return (how it ended, what is wrong)"""
    with Place(build) as place, Server(place, *options_for(place, fault)) as server:
        try:
            strike(server, fault)
            if not server.struck():
                server.stop()
                return "not made", None
            if server.exit_code() is not None:
                check_end(server, fault)
                return "ended", None
            if not is_deaf(fault):
                server.check_rights()
            with clients_at_the_door(server):
                server.check_rest(0.6 if fault.lasting else 0.2)
            served = server.request(0.5) is None
            if server.exit_code() is not None:
                check_end(server, fault)
                return "ended", None
            server.cease()
            server.wait_ready(patience=20)
            server.must_serve()
            server.check_rights()
            server.stop()
            if server.logged("is killed"):
                raise Wrong("somebody was killed at the end")
            return "served" if served else "came back", None
        except Wrong as wrong:
            return "wrong", f"{wrong}\n{place.logs()}"


def times_made(build, busy, target):
    fault = Fault(busy, target, "", "", 0, False)
    with Place(build) as place, Server(place, *options_for(place, fault)) as server:
        strike(server, fault)
        return server.calls()


def all_faults(args):
    for busy in (False, True):
        for target in args.of or ("master", "server", "workers"):
            made = times_made(args.build, busy, target)
            for call, errors in FAULTS.items():
                if call not in made or args.calls and call not in args.calls:
                    continue
                for error in errors.split():
                    step = max(made[call] / args.positions, 1)
                    for i in range(min(args.positions, made[call])):
                        yield Fault(busy, target, call, error, 1 + int(i * step), False)
                    if error not in FOR_A_MOMENT or (call, error) in LASTING:
                        yield Fault(busy, target, call, error, 1, True)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("calls", nargs="*")
    parser.add_argument("--of", action="append", choices=["master", "server", "workers"])
    parser.add_argument("--positions", type=int, default=5)
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--build", default=os.path.join(here, "..", "..", "build", "release"))
    args = parser.parse_args()
    random.seed(args.seed)
    print(f"seed {args.seed}", flush=True)
    begin = time.monotonic()
    faults = list(all_faults(args))
    if args.sample:
        faults = random.sample(faults, min(args.sample, len(faults)))
    ends, calls = collections.Counter(), set()
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for fault, (end, wrong) in zip(faults, pool.map(lambda f: run(args.build, f), faults)):
            ends[end] += 1
            calls.add(fault.call)
            if wrong:
                print(f"WRONG: {describe(fault)}: {wrong}", flush=True)
    print(f"{len(faults)} runs, {len(calls)} calls, {time.monotonic() - begin:.0f} s: " +
          ", ".join(f"{n} {end}" for end, n in ends.most_common()))
    sys.exit(1 if ends["wrong"] else 0)


if __name__ == "__main__":
    main()
