#!/usr/bin/env python3
"""Kills a process at every system call of a server's life, and checks what is there afterwards.

  steps.py [start|reload|rollback|scale|respawn|reopen|stop|upgrade]...
           [--who master|server|worker|inspector|preparation|writer]... [--every N] [--sample N] [--seed S] [--jobs J] [--build DIR]

For each phase and each kind of process: step_tracer kills it at the entry of its 1st, 2nd, 3rd... system call of the phase,
each time in a new server, until the phase runs through.

  master:     a master with the same configuration starts at once and serves, even if the last forked child has not
              run yet; none of the killed master's processes is left after 3 s.
  worker, log writer: the service goes on, the process is replaced, counters do not go back, the master has the children
              and descriptors that it had.
  fork server: everything goes on; another one is started. Only an order that it had not answered may be reported as failed.
  inspector:  a start is refused with a reason.
  preparation: after a refused reload the old generation keeps serving.

At the end of each run the server is stopped: exit code 0, no process, socket or pid file left. Exit code 1: something was
wrong. --every N: only every Nth call, from a random first one. --sample N: N random calls of each kind and phase.
"""
import argparse, concurrent.futures, itertools, os, random, signal, sys, threading, time

import stepping
from stepping import Place, Server, Wrong


HELD_MS = 200  # how long a child forked at the last moment may still hold what was the master's


class Phase:
    """What happens while calls are counted. `children`: kind -> which of the forked processes (see step_tracer)."""
    children = {}
    there_before = ()  # kinds for which an existing process is the target
    traced_from_exec = False

    def prepare(self, server):
        server.wait_ready()

    def begin(self, server):
        """Starts the phase, without waiting."""

    def done(self, server):
        raise NotImplementedError

    def after(self, server):
        """Brings a server whose phase was disturbed to two workers again."""
        server.wait_ready()


class Start(Phase):
    children = {"server": stepping.FORK_SERVER, "inspector": stepping.INSPECTORS[0], "writer": stepping.LOG_WRITER,
                "worker": stepping.WORKERS[0]}
    traced_from_exec = True

    def done(self, server):
        return server.logged("is ready", 2)


class Asked(Phase):
    """A phase begun by a command; its answer is awaited beside the tracing."""
    def begin(self, server):
        self.answers = []
        self.thread = threading.Thread(target=self.ask, args=[server], daemon=True)
        self.thread.start()

    def ask(self, server):
        try:
            self.answers.append([server.ask(words, 30) for words in self.words])
        except Wrong as wrong:
            self.answers.append(wrong)

    def done(self, server):
        return bool(self.answers)

    def answer(self):
        """The first answer, once it is there."""
        self.thread.join(30)
        if not self.answers:
            raise Wrong(f"no answer to {self.words[0]} within 30 s")
        if isinstance(self.answers[0], Wrong):
            raise self.answers[0]
        return self.answers[0][0]

    def after(self, server):
        self.answer()
        server.wait_ready()


class Reload(Asked):
    words = ["reload"]
    children = {"preparation": 1, "worker": 2}
    there_before = ("server",)

    def done(self, server):
        return super().done(server) and server.logged("(pid", 6)  # two ready, master, two ready, two gone


class Scale(Asked):
    words = ["scale main 3"]
    children = {"worker": 1}
    there_before = ("server",)

    def done(self, server):
        return super().done(server) and server.logged("is ready", 3)

    def after(self, server):
        server.wait_ready(3)
        server.ask("scale main 2")
        server.wait_ready()


class Reopen(Asked):
    words = ["reopen"]
    there_before = ("writer",)


class Respawn(Phase):
    """A worker is killed, and the master replaces it."""
    children = {"worker": 1}
    there_before = ("server",)

    def begin(self, server):
        try:
            os.kill(server.victim, signal.SIGKILL)
        except ProcessLookupError:
            if not server.struck():  # at the first call, before any request to it
                raise

    def prepare(self, server):
        server.victim = server.wait_ready()["workers"][0]["pid"]

    def done(self, server):
        return server.logged("is ready", 3)

    def after(self, server):
        def replaced():
            status = server.wait_ready()
            return server.victim not in [worker["pid"] for worker in status["workers"]]
        server.wait(replaced, "a killed worker is not replaced")


class Rollback(Reload):
    """A reload whose canary can't start."""
    children = {"preparation": 1, "worker": 2}
    there_before = ("server",)

    def begin(self, server):
        plugin = os.path.join(os.path.abspath(server.place.build), "tests/system/plugins/moody.so")
        server.place.configure(f"[service bad]\nplugin = {plugin}\nmood = throw\n"
                               f"listen = tcp://{server.place.host}:7002\n")
        super().begin(server)

    def done(self, server):
        return Asked.done(self, server) and server.logged("can't start")

    def after(self, server):
        super().after(server)
        answer = self.answer()
        if answer is None or answer["ok"] or "generation 1 goes on: " not in answer["error"]:
            raise Wrong(f"the answer is {answer}")


class Upgrade(Asked):
    words = ["upgrade"]
    there_before = ("server",)


class Stop(Phase):
    there_before = ("worker", "writer", "server")

    def begin(self, server):
        server.signal(signal.SIGTERM)

    def done(self, server):
        return server.exit_code() is not None


PHASES = {phase.__name__.lower(): phase for phase in (Start, Reload, Rollback, Scale, Respawn, Reopen, Stop, Upgrade)}


def kinds_of(phase):
    return ["master", *phase.children, *phase.there_before]


def can_upgrade(build):
    with Place(build) as place, Server(place, "--wait") as server:
        server.wait_ready()
        return "can't do that yet" not in str(server.ask("upgrade"))


def options_for(place, phase, who, n):
    """step_tracer's"""
    options = ["--kill", n] + (["--hold", HELD_MS] if who == "master" else [])
    if not phase.traced_from_exec:
        options.append("--wait")
    if who in phase.children:
        return options + ["--of", phase.children[who]]
    return options + (["--from", place.config] if phase.traced_from_exec else [])


def followed(server, phase, who):
    if who not in phase.there_before:
        return server.pid
    if who == "server":
        return server.fork_server()
    workers = [worker["pid"] for worker in server.status()["workers"]]
    return workers[0] if who == "worker" else next(pid for pid in server.children() if pid not in workers)


def begin(server, phase, who):
    """@return what the server was like before"""
    before = None
    if not phase.traced_from_exec:
        phase.prepare(server)
        server.must_serve()
        before = {"accepted": server.status()["totals"]["accepted"], "descriptors": server.descriptors_at_rest()}
        server.follow(followed(server, phase, who))
    phase.begin(server)
    server.wait(lambda: server.struck() or phase.done(server), "the phase hangs", 30)
    return before


def check_restart(place, old):
    """A new master, at once. One whose phase ran through is killed now."""
    old.signal(signal.SIGKILL)
    old.wait_word("ended")
    place.configure()
    begin = time.monotonic()
    with Server(place, "--wait", log="log-of-next") as server:
        server.wait_ready()
        took = time.monotonic() - begin
        server.must_serve()
        old.check_gone()
        server.stop()
    return took


def check_refusal(phase):
    """The request is carried out, or refused for the one reason that is allowed."""
    answer = phase.answer() if isinstance(phase, Asked) else None
    if answer and not answer["ok"] and "fork server" not in answer["error"] and not isinstance(phase, Rollback):
        raise Wrong(f"the answer is {answer}")


def check_new_fork_server(server):
    """The next worker is forked by a fork server, not by the master."""
    victim = server.status()["workers"][0]["pid"]
    os.kill(victim, signal.SIGKILL)
    def replaced():
        status = server.is_ready()
        return status and victim not in [worker["pid"] for worker in status["workers"]]
    server.wait(replaced, "a killed worker is not replaced")
    if server.fork_server() is None:
        raise Wrong("there is no fork server")
    if server.logged("copies of the master"):
        raise Wrong("the master forks by itself")


def descriptors_soon(server, wanted):
    """The master may just have forked a process and not yet opened the descriptors that it keeps for it."""
    end = time.monotonic() + 2
    while (held := server.descriptors_at_rest()) != wanted and time.monotonic() < end:
        time.sleep(0.01)
    return held


def check_goes_on(server, phase, who, before):
    phase.after(server)
    server.must_serve()
    if who == "server":
        check_refusal(phase)
        check_new_fork_server(server)
    server.wait(lambda: len(server.children()) == 3, f"the master has children {server.children()}, not 3")
    if before:
        if (now := server.status()["totals"]["accepted"]) < before["accepted"]:
            raise Wrong(f"a counter goes back from {before['accepted']} to {now}")
        if (held := descriptors_soon(server, before["descriptors"])) != before["descriptors"]:
            raise Wrong(f"the master's descriptors were {before['descriptors']} and are {held}")
    server.check_rights()
    server.stop()


def check_end(server, exit_code):
    server.wait_word("ended")
    if server.exit_code() != exit_code:
        raise Wrong(f"the master ends with {server.exit_code()}")
    server.check_gone()
    server.check_left()


def run(build, name, who, n):
    """@return the call at which it was killed (None: the phase ran through), seconds of a restart, what is wrong"""
    phase = PHASES[name]()
    with Place(build) as place, Server(place, *options_for(place, phase, who, n)) as server:
        try:
            took = 0.0
            before = begin(server, phase, who)
            call = server.cease()
            if who == "master":
                took = check_restart(place, server)
            elif isinstance(phase, Stop):
                check_end(server, 0)
            elif isinstance(phase, Start) and who == "inspector" and call:
                check_end(server, 78)
            else:
                check_goes_on(server, phase, who, before)
            return call, took, None
        except Wrong as wrong:
            return server.struck() or "none", 0.0, f"{wrong}\n{place.logs()}"


def positions(build, name, who):
    """How many calls the phase has; this differs a little from run to run."""
    phase = PHASES[name]()
    with Place(build) as place, Server(place, *options_for(place, phase, who, 0)) as server:
        begin(server, phase, who)
        return sum(server.calls().values()) if server.exit_code() is None else int(server.wait_word("gone").split()[1])


class Campaign:
    def __init__(self, args):
        self.args, self.runs, self.failures = args, 0, 0

    def one(self, name, who, n):
        call, took, wrong = run(self.args.build, name, who, n)
        self.runs += 1
        if wrong:
            self.failures += 1
            print(f"WRONG: {name}, {who} killed at call {n} ({call}): {wrong}", flush=True)
        return call, took

    def wanted(self, name, who):
        """Which calls to kill at; without a sample the list has no end."""
        if not self.args.sample:
            return itertools.count(random.randint(1, self.args.every), self.args.every)
        count = max(positions(self.args.build, name, who), 1)
        return iter(sorted(random.randint(1, count) for _ in range(self.args.sample)))

    def go(self, name, who):
        begin = time.monotonic()
        wanted, results, kills = self.wanted(name, who), None, []
        with concurrent.futures.ThreadPoolExecutor(self.args.jobs) as pool:
            while results is None or any(call for call, _ in results):  # none: the phase has no more calls
                results = list(pool.map(lambda n: self.one(name, who, n), itertools.islice(wanted, self.args.jobs)))
                kills += [took for call, took in results if call]
                if self.failures > 10:
                    raise SystemExit("too much is wrong")
        restart = f", longest restart {max(kills, default=0):.2f} s" if who == "master" else ""
        print(f"{name}, {who}: killed at {len(kills)} calls{restart}, {time.monotonic() - begin:.0f} s", flush=True)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("phases", nargs="*")
    parser.add_argument("--who", action="append",
                        choices=["master", "server", "worker", "inspector", "preparation", "writer"])
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--build", default=os.path.join(here, "..", "..", "build", "release"))
    args = parser.parse_args()
    random.seed(args.seed)
    print(f"seed {args.seed}", flush=True)
    campaign, shared_before = Campaign(args), set(os.listdir("/dev/shm"))
    for name in args.phases or PHASES:
        if name == "upgrade" and not can_upgrade(args.build):
            print("upgrade: this version can't")
            continue
        for who in kinds_of(PHASES[name]):
            if not args.who or who in args.who:
                campaign.go(name, who)
    shared = [name for name in set(os.listdir("/dev/shm")) - shared_before if "prefork" in name]
    print(f"{campaign.runs} runs, {campaign.failures} wrong; left in /dev/shm: {shared or 'nothing'}")
    sys.exit(1 if campaign.failures or shared else 0)


if __name__ == "__main__":
    main()
