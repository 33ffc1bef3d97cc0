"""The life of a child that was forked for one file: it becomes what the start of the script would have made, and runs it."""

import atexit
import builtins
import ctypes
import gc
import io
import json
import os
import signal
import socket
import sys
import threading
import types
import zlib
from importlib.machinery import SourceFileLoader

PR_SET_PDEATHSIG = 1
# Fewer are not worth a new set of modules.
WORTH_LEARNING = 10


class Areas:
    """The memory in which the kernel finds the arguments and the environment of this process, for /proc and for `ps`."""

    def __init__(self):
        with open("/proc/self/stat", "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
        # proc_pid_stat(5) counts them from 1, and the first two are before the name's end.
        self.arguments, arguments_end, self.environment, environment_end = (int(field) for field in fields[45:49])
        self.argument_room = arguments_end - self.arguments
        self.environment_room = environment_end - self.environment
        if self.arguments == 0 or self.argument_room <= 0 or self.environment_room <= 0:
            raise OSError(0, "/proc/self/stat does not say where they are")

    def write_arguments(self, arguments):
        # A last byte that is no NUL would make the kernel read on, into the environment.
        text = b"".join(argument + b"\0" for argument in arguments)[: self.argument_room - 1]
        ctypes.memmove(self.arguments, text.ljust(self.argument_room, b"\0"), self.argument_room)

    def write_environment(self, environment):
        ctypes.memmove(self.environment, flat(environment).ljust(self.environment_room, b"\0"), self.environment_room)


def flat(environment):
    return b"".join(name + b"=" + value + b"\0" for name, value in environment.items())


class Script:
    """The loader's script, compiled."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as file:
            self.code = compile(file.read(), path, "exec", dont_inherit=True)


class Job:
    """All that a child needs, made before it is forked."""

    def __init__(self, script, areas, arguments, environment, outputs, known, learned):
        self.script = script
        self.areas = areas
        self.arguments = arguments
        self.environment = environment
        self.outputs = outputs
        self.known = known  # The names of modules that are loaded already.
        self.learned = learned  # Where to report others to, a descriptor; None when nobody asks.


def live(job, ready):
    """Never returns. `ready` is written to when signals, markers and outputs are those of the child."""
    code = 1
    try:
        become(job, ready)
        os.write(ready, b".")
        os.close(ready)
        code = run(job.script)
        if code == 0 and job.learned is not None:
            report(job)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


def become(job, ready):
    # Whatever happens to the launcher, no child is without its marker and without a parent that watches it.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_IGN)
    for number, fd in enumerate(job.outputs):
        os.dup2(fd, number)
    close_others({ready, job.learned})
    os.environb.clear()
    os.environb.update(job.environment)
    job.areas.write_environment(job.environment)
    job.areas.write_arguments(command_line(job))
    arguments = [os.fsdecode(argument) for argument in job.arguments]
    sys.argv[:] = arguments
    if hasattr(sys, "orig_argv"):
        sys.orig_argv[:] = [os.fsdecode(argument) for argument in command_line(job)]
    # The frames of launcher and mother are below those of the script.
    sys.setrecursionlimit(sys.getrecursionlimit() + depth())
    reseed()
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def command_line(job):
    return [os.fsencode(sys.executable), *job.arguments]


def close_others(kept):
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        if fd > 2 and fd not in kept:
            try:
                os.close(fd)
            except OSError:
                pass  # That of the list itself.


def depth():
    frame, frames = sys._getframe(), 0
    while frame is not None:
        frame, frames = frame.f_back, frames + 1
    return frames


def reseed():
    """Python's own generator is seeded anew in each child; that of numpy would give the same numbers in all."""
    random = sys.modules.get("numpy.random")
    if random is not None and hasattr(random, "seed"):
        random.seed()


def run(script):
    """As the interpreter runs a script, to the exit code."""
    main = types.ModuleType("__main__")
    loader = SourceFileLoader("__main__", script.path)
    main.__dict__.update(__file__=script.path, __builtins__=builtins, __cached__=None, __loader__=loader)
    sys.modules["__main__"] = main
    try:
        exec(script.code, main.__dict__)
        code = 0
    except SystemExit as end:
        code = exit_code(end)
    except BaseException as error:
        code = 1
        # Without the frame of this function.
        trace = error.__traceback__.tb_next
        error.__traceback__ = trace
        sys.excepthook(type(error), error, trace)
        if isinstance(error, KeyboardInterrupt):
            leave()
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
    return leave() or code


def exit_code(end):
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code & 0xFF
    print(end.code, file=sys.stderr, flush=True)
    return 1


def leave():
    """
    What the interpreter does at its end, but for taking itself apart, which would touch and so copy every page that is shared.
    120 when the output cannot be written, as from the interpreter.
    """
    threading._shutdown()
    atexit._run_exitfuncs()
    # A file that the script left open is written out when the interpreter takes it apart.
    for thing in gc.get_objects():
        if issubclass(type(thing), io.IOBase) and thing is not sys.stdout and thing is not sys.stderr:
            try:
                if not thing.closed and thing.writable():
                    thing.flush()
            except Exception:
                pass
    code = 0
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except Exception:
            code = 120 if stream is sys.stdout else code
    return code


def report(job):
    names = [name for name in list(sys.modules) if name not in job.known and not name.startswith(("__", "_atd_"))]
    if len(names) < WORTH_LEARNING:
        return
    text = json.dumps({"modules": names, "path": [str(root) for root in sys.path]})
    try:
        with socket.socket(fileno=job.learned) as learned:
            learned.send(zlib.compress(text.encode()))
    except OSError:
        pass  # The next one will tell.
