"""Starts one child after another for a worker thread, relays their output and reports their ends.

A process as small as this one starts a child at a tenth of what it costs the service itself. It decides nothing: the
thread signals the child's group, bounds its time and keeps what is kept of its output. It ends when its input does,
which is when the thread or the whole service has died, and takes the child with it.

Where it can, it becomes the parent of every orphan that descends from it (a "subreaper"). It then reaps them, and once it
has no children left, nothing outlives the job. lib/worker/launch/launcher-protocol.ts describes the messages.
"""

import os
import select
import signal
import stat
import struct
import sys

OLDEST = (3, 8)  # It can start processes without forking.

STARTED, FAILED, STDOUT, STDERR, STDOUT_END, STDERR_END, EXITED, READY, LOOKED, TURNED_DOWN = b"SFOEoeXRLT"
STDOUT_OPEN, STDERR_OPEN, NOT_ALONE = 1, 2, 4

# Begins a request to look at a file. A disk that hangs holds this process, which the thread can do without, and nothing else.
LOOK = b"?\0"
KINDS = [(stat.S_ISREG, b"f"), (stat.S_ISDIR, b"d"), (stat.S_ISFIFO, b"p"), (stat.S_ISSOCK, b"s")]

CHUNK = 65536
# What a terminal or a supervisor may send to all processes of the service, and what Python ignores by itself.
IGNORED = [signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ]
PR_SET_CHILD_SUBREAPER = 36
# As execvp(3): what lets the search along PATH go on.
NOT_HERE = (FileNotFoundError, NotADirectoryError, PermissionError)
DEFAULT_PATH = b"/bin:/usr/bin"


def main(make=None):
    """Serves until its input ends. `make` makes another Launcher than this file's (see prefork/)."""
    subreaper = become_subreaper()
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    woken, waker = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(waker, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    poller = select.poll()
    poller.register(0, select.POLLIN)
    poller.register(woken, select.POLLIN)
    launcher = (make or Launcher)(poller, subreaper)
    launcher.tell(READY, b" ".join([b"subreaper"] * subreaper + launcher.abilities))
    try:
        while launcher.flush():
            child_ended, requested = False, False
            for fd, _ in poller.poll():
                if fd == 0:
                    requested = True
                elif fd == woken:
                    os.read(woken, 512)
                    child_ended = True
                else:
                    launcher.relay(fd)
            # By now all that the child wrote is relayed, unless it wrote more than one chunk.
            if child_ended:
                launcher.reap()
            # Last: a request may close outputs and open others under the same numbers, which have nothing to read yet.
            if requested and not launcher.take_requests():
                return
    except (BrokenPipeError, ConnectionResetError):
        pass
    finally:
        launcher.end()


class TurnedDown(Exception):
    """This launcher does not start the child, and nothing of it has begun: another one is to start it."""


class Launcher:
    abilities = []

    def __init__(self, poller, subreaper):
        self.poller = poller
        self.subreaper = subreaper
        self.null = os.open(os.devnull, os.O_RDONLY)
        self.pid = 0  # of the child that runs
        # The reading ends of its output and the kind of their messages, and the writing ends. They serve the next child
        # too if nothing else can write to them any more.
        self.outputs = {}
        self.writers = []
        self.lingering = False  # The child has ended, and others hold its output.
        self.requests = b""
        self.replies = []

    def tell(self, kind, payload=b""):
        self.replies.append(struct.pack("<BI", kind, len(payload)))
        if payload:
            self.replies.append(payload)

    def flush(self):
        rest = b"".join(self.replies)
        self.replies.clear()
        while rest:
            rest = rest[os.write(1, rest) :]
        return True

    def take_requests(self):
        data = os.read(0, CHUNK)
        if not data:
            return False
        self.requests += data
        while len(self.requests) >= 4:
            (length,) = struct.unpack_from("<I", self.requests)
            if len(self.requests) < 4 + length:
                break
            request = self.requests[4 : 4 + length]
            self.requests = self.requests[4 + length :]
            self.release()
            if request.startswith(LOOK):
                self.look(*request[len(LOOK) :].split(b"\0"))
            elif request:
                self.start(request)
        return True

    def look(self, file, *roots):
        try:
            found = os.stat(file)
            path = os.path.realpath(file)
        except OSError as error:
            self.tell(LOOKED, b"%d" % error.errno)
            return
        kind = next((letter for matches, letter in KINDS if matches(found.st_mode)), b"o")
        paths = [path, *(os.path.realpath(root) for root in roots)]
        numbers = b"%d\0%d" % (found.st_size, found.st_mtime_ns // 1000000)
        identity = b"%d %d %o %d" % (found.st_dev, found.st_ino, found.st_mode, found.st_ctime_ns)
        self.tell(LOOKED, b"\0".join([b"0", kind, numbers, identity, *paths]))

    def release(self):
        """The job is over: whoever still holds its output writes to nobody."""
        if not self.writers:
            for fd in list(self.outputs):
                self.close(fd)

    def start(self, request):
        count, *fields = request.split(b"\0")
        arguments = fields[: int(count)]
        environment = dict(field.split(b"=", 1) for field in fields[int(count) :])
        self.lingering = False
        try:
            if not self.outputs:
                self.open()
            stdout, stderr = self.writers
            self.pid = self.spawn(arguments, environment, stdout, stderr)
        except OSError as error:
            self.tell(FAILED, struct.pack("<I", error.errno))
        except TurnedDown as error:
            self.tell(TURNED_DOWN, str(error).encode())
        else:
            self.tell(STARTED, struct.pack("<I", self.pid))

    def spawn(self, arguments, environment, stdout, stderr):
        actions = [
            (os.POSIX_SPAWN_DUP2, self.null, 0),
            (os.POSIX_SPAWN_DUP2, stdout, 1),
            (os.POSIX_SPAWN_DUP2, stderr, 2),
        ]
        return spawn(arguments, environment, actions)

    def open(self):
        pipes = [os.pipe()]
        try:
            pipes.append(os.pipe())
        except OSError:
            for fd in pipes[0]:
                os.close(fd)
            raise
        for kind, (reader, writer) in zip((STDOUT, STDERR), pipes):
            self.outputs[reader] = kind
            self.writers.append(writer)
            self.poller.register(reader, select.POLLIN)

    def relay(self, fd):
        kind = self.outputs.get(fd)
        if kind is None:
            return
        data = os.read(fd, CHUNK)
        if data:
            self.tell(kind, data)
            return
        self.close(fd)
        if self.lingering:
            self.tell(STDOUT_END if kind == STDOUT else STDERR_END)

    def close(self, fd):
        del self.outputs[fd]
        self.poller.unregister(fd)
        os.close(fd)

    def reap(self):
        ended, status, cpu_seconds, peak_kib, children = False, 0, 0.0, 0, True
        while True:
            try:
                pid, its_status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                children = False
                break
            if pid == 0:
                break
            if pid == self.pid:
                ended, status, cpu_seconds = True, its_status, usage.ru_utime + usage.ru_stime
                peak_kib = usage.ru_maxrss
        if not ended:
            return
        self.pid = 0
        alone = self.subreaper and not children
        if not alone:
            # From now on an output ends when the last of the others lets it go; the next child gets new ones.
            for fd in self.writers:
                os.close(fd)
            self.writers.clear()
        self.drain(alone)
        kinds = () if alone else self.outputs.values()
        self.lingering = not alone
        flags = 0 if alone else NOT_ALONE
        flags |= (STDOUT_OPEN if STDOUT in kinds else 0) | (STDERR_OPEN if STDERR in kinds else 0)
        signal_number = status & 0x7F
        code = 0 if signal_number else status >> 8
        report = struct.pack("<BBBII", code, signal_number, flags, int(cpu_seconds * 1000), peak_kib)
        self.tell(EXITED, report + self.remark(code, signal_number, cpu_seconds))

    def remark(self, code, signal_number, cpu_seconds):
        """What is to be known of the child's end besides."""
        return b""

    def drain(self, alone):
        """Relays what the child has written. Others that hold its output might keep it filled for ever."""
        while True:
            ready = [fd for fd, _ in self.poller.poll(0) if fd in self.outputs]
            for fd in ready:
                self.relay(fd)
            if not ready or not alone:
                return

    def end(self):
        if self.pid:
            kill(-self.pid)
            kill(self.pid)
        # The orphans of each that dies become children of this process before it can be reaped.
        children = read_children() if self.subreaper else []
        while children:
            for pid in children:
                kill(pid)
            os.waitpid(-1, 0)
            children = read_children()


def spawn(arguments, environment, actions):
    """Like execvp(3), with the PATH of the child; returns its pid."""
    file = arguments[0]
    if b"/" in file:
        return spawn_file(file, arguments, environment, actions)
    failure = FileNotFoundError(2, "")
    for directory in environment.get(b"PATH", DEFAULT_PATH).split(b":"):
        try:
            return spawn_file(os.path.join(directory or b".", file), arguments, environment, actions)
        except NOT_HERE as error:
            if isinstance(error, PermissionError) or not isinstance(failure, PermissionError):
                failure = error
    raise failure


def spawn_file(file, arguments, environment, actions):
    try:
        return spawn_leader(file, arguments, environment, actions)
    except OSError as error:
        # ENOEXEC: a script without a first line that names its interpreter. An empty file would be a script that succeeds.
        if error.errno != 8 or os.stat(file).st_size == 0:
            raise
        return spawn_leader(b"/bin/sh", [b"/bin/sh", file, *arguments[1:]], environment, actions)


def spawn_leader(file, arguments, environment, actions):
    """The child leads a process group of its own, and where the system can a session too."""
    options = {"file_actions": actions, "setsigdef": IGNORED}
    try:
        return os.posix_spawn(file, arguments, environment, setsid=True, **options)
    except NotImplementedError:
        return os.posix_spawn(file, arguments, environment, setpgroup=0, **options)


def become_subreaper():
    try:
        import ctypes

        return ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    except (ImportError, OSError, AttributeError):
        return False


def read_children():
    pid = os.getpid()
    try:
        with open(f"/proc/{pid}/task/{pid}/children", "rb") as children:
            return [int(child) for child in children.read().split()]
    except OSError:
        return []


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass


if __name__ == "__main__":
    if sys.version_info < OLDEST:
        sys.exit("Python %d.%d is too old" % sys.version_info[:2])
    sys.exit(main())
