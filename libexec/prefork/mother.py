"""Keeps the modules of a loader that is a Python script, and forks launchers that start it without importing them again.

It runs in the loader's own interpreter, and never the loader: that does a child of its own for each file (child.py). The first
file's child begins with no module loaded and tells at its end which it had; these are imported here then, so that the next
children find them. Each thread of the service connects to the socket and gets a launcher (../launcher.py, of which only the start
of a child is another), forked from this process. It ends when its input does, or when it is of no use any more, behind its last
launcher.

    mother.py SOCKET SCRIPT MOST_FILES MOST_SECONDS ROOM

ROOM is a long argument, which makes room for the arguments of the children (/proc/PID/cmdline), as the variable ATD_ROOM does for
their environment.
"""

import gc
import importlib
import importlib.util
import json
import mmap
import os
import select
import signal
import socket
import struct
import sys
import time
import traceback
import warnings
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
OLDEST = (3, 8)
# What belongs to one file's load and not to the loader.
OF_THE_JOB = ("ATD_", "TRACEPARENT")
# Threads of libraries that are known to do without them in a child.
HARMLESS_THREADS = {"jemalloc_bg_thd"}
MOST_LESSONS = 3
# A child that was ended, has printed nothing and used no more: it may have waited for a lock that was held at the fork.
IDLE_CPU_S = 0.2
MOST_IDLE_ENDS = 2


def load(name, *place):
    """A file of this folder, by a name that the loader does not use."""
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec = importlib.util.spec_from_file_location("_atd_" + name, os.path.join(HERE, *place))
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module
    finally:
        sys.dont_write_bytecode = writes


class Shared:
    """What mother and launchers all see and change."""

    FIELDS = ("lessons", "files", "idle_ends", "is_over")

    def __init__(self):
        self._memory = mmap.mmap(-1, 4 * len(self.FIELDS))

    def __getattr__(self, name):
        return struct.unpack_from("<I", self._memory, 4 * self.FIELDS.index(name))[0]

    def put(self, name, value):
        struct.pack_into("<I", self._memory, 4 * self.FIELDS.index(name), value)


class Over(Exception):
    """This mother is of no use any more. `for_good`: nor would be another one."""

    def __init__(self, code, reason, for_good):
        super().__init__(reason)
        self.code = code
        self.for_good = for_good


class Mother:
    def __init__(self, place, script, most_files, most_seconds):
        self.most_files = most_files
        self.until = time.monotonic() + most_seconds
        self.shared = Shared()
        self.voice = os.dup(1)
        self.lifeline = os.dup(0)
        # Whatever is printed by an import is no message.
        os.dup2(2, 1)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        self.areas = child.Areas()
        self.areas.write_arguments([os.fsencode(part) for part in (sys.executable, *sys.argv[:3])])
        settle_environment()
        if sys.path and os.path.realpath(sys.path[0]) == os.path.realpath(HERE):
            sys.path[0] = os.path.dirname(os.path.realpath(script))
        sys.argv[:] = [script]
        self.script = child.Script(script)
        self.stamps = stamps.Stamps(script)
        self.launchers = set()
        self.teacher, self.learned = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.teacher.setblocking(False)
        self.learned.setblocking(False)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(place)
        self.listener.listen(64)
        self.place = place
        # Closed at its end, however that comes: so its launchers learn of it.
        self.until_over, self.not_over = os.pipe()

    def tell(self, **message):
        os.write(self.voice, json.dumps(message).encode() + b"\n")

    def serve(self):
        woken, waker = os.pipe()
        os.set_blocking(woken, False)
        os.set_blocking(waker, False)
        self.wakers = (woken, waker)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        poller = select.poll()
        for fd in (self.lifeline, woken, self.learned.fileno(), self.listener.fileno()):
            poller.register(fd, select.POLLIN)
        self.tell(kind="listening")
        try:
            while True:
                left = self.until - time.monotonic()
                if left <= 0:
                    raise Over("used-up", "it has served for long enough", False)
                for fd, _ in poller.poll(min(left, 3600) * 1000):
                    if fd == self.lifeline:
                        if not os.read(self.lifeline, 512):
                            raise Over("ended", "the service does not need it any more", False)
                    elif fd == woken:
                        os.read(woken, 512)
                        self.reap()
                    elif fd == self.learned.fileno():
                        self.learn(self.learned.recv(1 << 20))
                    else:
                        self.fork_launcher()
        except Over as over:
            self.end(over)

    def end(self, over):
        """No new launcher; those that there are end when their threads let them go."""
        self.shared.put("is_over", 1)
        os.close(self.not_over)
        self.listener.close()
        try:
            os.unlink(self.place)
            os.rmdir(os.path.dirname(self.place))
        except OSError:
            pass  # It is not its own.
        try:
            self.tell(kind="over", code=over.code, reason=str(over), forGood=over.for_good)
        except OSError:
            pass  # The service is gone.
        while self.launchers:
            select.select([self.wakers[0]], [], [])
            os.read(self.wakers[0], 512)
            self.reap()

    def fork_launcher(self):
        connection = self.listener.accept()[0]
        changed = self.stamps.change()
        if changed is not None:
            # The exception would keep it open until the last launcher has ended, and its thread waiting.
            connection.close()
            raise Over("changed", f"{changed} has changed", False)
        pid = fork()
        if pid == 0:
            try:
                self.become_launcher(connection.detach())
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(1)
        self.launchers.add(pid)
        connection.close()

    def become_launcher(self, connection):
        os.setsid()
        signal.set_wakeup_fd(-1)
        sockets = (self.listener.detach(), self.learned.detach())
        for fd in (self.voice, self.lifeline, self.not_over, *self.wakers, *sockets):
            os.close(fd)
        os.dup2(connection, 0)
        os.dup2(connection, 1)
        os.close(connection)
        launcher.main(lambda *given: ForkingLauncher(self, *given))
        os._exit(0)

    def reap(self):
        died = False
        while True:
            try:
                pid = os.waitpid(-1, os.WNOHANG)[0]
            except ChildProcessError:
                break
            if pid == 0:
                break
            died = died or pid in self.launchers
            self.launchers.discard(pid)
        if died:
            # The child of a launcher that was killed has become one of this process.
            for pid in launcher.read_children():
                if pid not in self.launchers:
                    launcher.kill(pid)

    def learn(self, data):
        message = json.loads(zlib.decompress(data))
        if "over" in message:
            raise Over(*message["over"])
        news = [name for name in message["modules"] if name not in sys.modules]
        if self.shared.lessons >= MOST_LESSONS or len(news) < child.WORTH_LEARNING:
            return
        # Those that it has from before: what is noted anew below would be what replaced them.
        changed = self.stamps.change(thorough=True)
        if changed is not None:
            raise Over("changed", f"{changed} has changed", False)
        began, cpu = time.time(), time.process_time()
        before = State()
        sys.path[:] = message["path"]
        reads = watch_reads(lambda: import_all(news))
        before.compare(State())
        check_threads()
        if reads:
            raise Over("job-variable", f"an import reads {', '.join(sorted(reads))}, which differs by file", True)
        self.stamps = stamps.Stamps(self.script.path)
        # The clock of file systems is some milliseconds behind.
        changed = self.stamps.newer_than(began - 0.1)
        if changed is not None:
            raise Over("changed", f"{changed} was written while it was imported", False)
        gc.collect()
        gc.freeze()
        self.shared.put("lessons", self.shared.lessons + 1)
        self.tell(kind="loaded", modules=len(sys.modules), cpuMs=round((time.process_time() - cpu) * 1000))


class State:
    """What an import must leave as it is, since a child begins with it."""

    def __init__(self):
        self.descriptors = {}
        for name in os.listdir("/proc/self/fd"):
            try:
                self.descriptors[name] = os.readlink(f"/proc/self/fd/{name}")
            except OSError:
                pass  # That of the list itself.
        self.directory = os.getcwd()
        self.umask = os.umask(0)
        os.umask(self.umask)
        self.signals = {number: signal.getsignal(number) for number in signal.valid_signals()}
        self.environment = dict(os.environb)

    def compare(self, after):
        opened = [after.descriptors[name] for name in after.descriptors if name not in self.descriptors]
        if opened:
            raise Over("descriptors", f"an import opens {', '.join(opened)}", True)
        if (after.directory, after.umask) != (self.directory, self.umask):
            raise Over("directory", "an import changes the working directory or the mask for new files", True)
        handled = [int(number) for number in after.signals if after.signals[number] != self.signals.get(number)]
        if handled:
            raise Over("signals", f"an import handles signal {', '.join(map(str, handled))}", True)
        names = {os.fsdecode(name) for name, _ in set(self.environment.items()) ^ set(after.environment.items())}
        if names:
            raise Over("environment", f"an import changes the variable {', '.join(sorted(names))}", True)


def import_all(names):
    for name in names:
        try:
            importlib.import_module(name)
        except (Exception, SystemExit):
            pass  # Made by the script, or by a file's load: the child imports it, if it needs it.


def watch_reads(act):
    """Does it, and returns the names of variables that it read and that belong to one file's load."""
    reads = set()
    kind = type(os.environ)
    original = kind.__getitem__

    def getitem(self, name):
        text = os.fsdecode(name) if isinstance(name, (str, bytes)) else ""
        if text.startswith(OF_THE_JOB):
            reads.add(text)
        return original(self, name)

    kind.__getitem__ = getitem
    try:
        act()
    finally:
        kind.__getitem__ = original
    return reads


def check_threads():
    # Some libraries end their threads before a fork, so there is one first.
    pid = fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    names = []
    for task in os.listdir("/proc/self/task"):
        if int(task) != os.getpid():
            with open(f"/proc/self/task/{task}/comm", encoding="utf-8", errors="replace") as name:
                names.append(name.read().strip())
    unknown = [name for name in names if name not in HARMLESS_THREADS]
    if unknown:
        raise Over("threads", f"an import starts the thread {', '.join(unknown)}, which no child would have", True)


def settle_environment():
    """As the loader's own, and no string of it where the children's is to be written for /proc."""
    given = {name: value for name, value in os.environb.items() if not name.startswith((b"ATD_", b"TRACEPARENT"))}
    # Its background thread would be one that children do not have.
    given.setdefault(b"JE_ARROW_MALLOC_CONF", b"background_thread:false")
    os.environb.clear()
    os.environb.update(given)


def fork():
    with warnings.catch_warnings():
        # Of threads, which are checked.
        warnings.simplefilter("ignore")
        return os.fork()


child = load("child", "child.py")
stamps = load("stamps", "stamps.py")
launcher = load("launcher", os.pardir, "launcher.py")


class ForkingLauncher(launcher.Launcher):
    def __init__(self, mother, poller, subreaper):
        super().__init__(poller, subreaper)
        self.mother = mother
        self.mother_pid = os.getppid()
        self.shared = mother.shared
        self.lessons = self.shared.lessons
        self.known = frozenset(sys.modules)
        self.is_leaving = False
        poller.register(mother.until_over, select.POLLIN)
        self.abilities = [b"pid=%d" % os.getpid(), b"room=%d" % mother.areas.environment_room]
        self.relayed = 0

    def tell(self, kind, payload=b""):
        if kind in (launcher.STDOUT, launcher.STDERR):
            self.relayed += len(payload)
        super().tell(kind, payload)

    def relay(self, fd):
        if fd != self.mother.until_over:
            return super().relay(fd)
        self.poller.unregister(fd)
        if self.pid == 0:
            # Nobody may ask for anything for long, and it would keep the mother's memory. Its thread lets it go then.
            self.is_leaving = True
            self.tell(launcher.TURNED_DOWN, b"its mother is over")

    def spawn(self, arguments, environment, stdout, stderr):
        self.check(os.fsdecode(arguments[0]))
        mother = self.mother
        learned = mother.teacher.fileno() if self.lessons < MOST_LESSONS else None
        outputs = (self.null, stdout, stderr)
        job = child.Job(mother.script, mother.areas, arguments, environment, outputs, self.known, learned)
        ready, tell = os.pipe()
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            pid = fork()
            if pid == 0:
                child.live(job, tell)
        finally:
            os.close(tell)
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            # Until it can be signalled and found; at once, if it has died.
            os.read(ready, 1)
            os.close(ready)
        self.relayed = 0
        self.shared.put("files", self.shared.files + 1)
        return pid

    def check(self, file):
        if self.is_leaving or self.shared.is_over or os.getppid() != self.mother_pid:
            raise launcher.TurnedDown("its mother is over")
        if self.shared.lessons != self.lessons:
            raise launcher.TurnedDown("its mother has loaded more modules")
        if file != self.mother.script.path:
            raise launcher.TurnedDown("it is for another script")
        if self.shared.files >= self.mother.most_files:
            self.turn_down("used-up", "it has served enough files", False)
        changed = self.mother.stamps.change()
        if changed is not None:
            self.turn_down("changed", f"{changed} has changed", False)

    def turn_down(self, *over):
        self.end_mother(*over)
        raise launcher.TurnedDown(over[1])

    def end_mother(self, *over):
        self.shared.put("is_over", 1)
        try:
            self.mother.teacher.send(zlib.compress(json.dumps({"over": over}).encode()))
        except OSError:
            pass  # Another one has told, or the mother is gone.

    def remark(self, code, signal_number, cpu_seconds):
        ended = signal_number in (signal.SIGTERM, signal.SIGKILL)
        if ended and self.relayed == 0 and cpu_seconds < IDLE_CPU_S:
            self.shared.put("idle_ends", self.shared.idle_ends + 1)
            if self.shared.idle_ends >= MOST_IDLE_ENDS:
                reason = f"{MOST_IDLE_ENDS} children in a row were ended that had printed nothing and used no CPU"
                self.end_mother("idle", reason, True)
            return b""
        self.shared.put("idle_ends", 0)
        changed = self.mother.stamps.change(thorough=code != 0 or signal_number != 0)
        if changed is None:
            return b""
        self.end_mother("changed", f"{changed} has changed", False)
        return os.fsencode(changed)


def main():
    if sys.version_info < OLDEST:
        message = {"kind": "over", "code": "version", "forGood": True}
        message["reason"] = f"its Python is {sys.version.split()[0]}, and {OLDEST[0]}.{OLDEST[1]} is needed"
        os.write(1, json.dumps(message).encode() + b"\n")
        return
    launcher.become_subreaper()
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    place, script, most_files, most_seconds = sys.argv[1:5]
    Mother(place, script, int(most_files), float(most_seconds)).serve()


if __name__ == "__main__":
    main()
    # The handlers that imports registered are the loader's.
    os._exit(0)
