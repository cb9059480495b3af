"""The worker processes of :mod:`weft._parallel`: started, used again, replaced, ended.

Owns: the workers, each a fresh interpreter that runs :mod:`weft._worker` at the other end of a
socket, and the places among the calls that run at once. The calling task itself sends the call
and reads the answer, parked in ``_core._process``; the poller wakes it.

A worker is in one of three places: ``idle``, with the one task that has a place and waits for its
answer, or gone. Whoever leaves without the answer kills it: what it computes cannot be stopped.
"""

from __future__ import annotations

import _socket
import atexit
import os
import pickle
import signal
import subprocess
import sys

from weft._core._fds import closing
from weft._core._pool import start_in_thread
from weft._core._process import Places, wait_for_call
from weft._errors import WorkerDied
from weft._worker import FRAME, Program, name_of

CPUS = len(os.sched_getaffinity(0))
# Bytes read at once; the kernel's socket buffers hold about 200 KiB.
CHUNK = 1 << 18
# Seconds that an idle worker has to end with the program.
GRACE = 1.0
# What the interpreter is given to run. The paths come first: weft is found by them.
BOOT = (
    "import sys; sys.path[:] = sys.argv[3:]; from weft._worker import main; "
    "main(int(sys.argv[1]), int(sys.argv[2]))"
)

places = Places(CPUS)
# Workers that wait for a call; the last to become idle gets the next one.
idle: list[Worker] = []
# All that live.
everyone: set[Worker] = set()


def ask(fn: object, call: bytes) -> bytearray:
    """Have a worker make a call of ``fn``, and return its answer.

    Raises:
      WorkerDied: it ended before it had answered.

    Parks: until it has answered. Whatever ends the wait before kills it.
    """
    mine = places
    mine.take(fn)
    try:
        worker = idle_worker() or Worker()
        try:
            worker.send(call, fn)
            answer = worker.receive(fn)
        except (ConnectionError, EOFError):
            raise WorkerDied(worker.last_words(fn)) from None
        except BaseException:
            worker.kill()
            raise
        idle.append(worker)
        return answer
    finally:
        mine.give()


def idle_worker() -> Worker | None:
    while idle:
        try:
            worker = idle.pop()
        except IndexError:  # another OS thread was faster
            break
        if worker.lives():
            return worker
        worker.kill()
    return None


class Worker:
    """A process that makes calls, one at a time; used by one task at a time.

    It leads a process group of its own: Ctrl-C is the program's alone, and what a call started
    is killed with it. The pipe ``lifeline`` stays empty; when its end here is closed, be it by
    the death of this process, the kernel kills the worker.
    """

    def __init__(self) -> None:
        self.socket, theirs = _socket.socketpair()
        watched, self.lifeline = os.pipe()
        try:
            self.process = subprocess.Popen(
                command(theirs.fileno(), watched),
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), watched),
                process_group=0,
            )
        except BaseException:
            self.close()
            raise
        finally:
            theirs.close()
            os.close(watched)
        self.socket.setblocking(False)
        self.unsent = framed(pickle.dumps(Program(sys.argv, main_module())))
        everyone.add(self)

    def send(self, call: bytes, fn: object) -> None:
        """Send a call of ``fn``. Parks until the kernel has all of it."""
        rest = memoryview(self.unsent + framed(call))
        self.unsent = b""
        while rest:
            try:
                sent = self.socket.send(rest)
            except BlockingIOError:
                sent = 0
            if sent:
                rest = rest[sent:]
            else:  # here, so that what ends the wait is shown without the error above
                wait_for_call(self.socket.fileno(), True, fn)

    def receive(self, fn: object) -> bytearray:
        """The answer to a call of ``fn``. Parks until it is there.

        Raises:
          EOFError: the process has ended.
        """
        (length,) = FRAME.unpack(self.read(FRAME.size, fn))
        return self.read(length, fn)

    def read(self, length: int, fn: object) -> bytearray:
        data = bytearray()
        while len(data) < length:
            try:
                some = self.socket.recv(min(length - len(data), CHUNK))
            except BlockingIOError:
                some = None
            if some is None:  # here, so that what ends the wait is shown without the error above
                wait_for_call(self.socket.fileno(), False, fn)
            elif some:
                data += some
            else:
                raise EOFError
        return data

    def lives(self) -> bool:
        """Whether it waits for a call: an idle one has nothing to say but that it ends."""
        try:
            return bool(self.socket.recv(1, _socket.MSG_PEEK))
        except BlockingIOError:
            return True

    def last_words(self, fn: object) -> str:
        """Its connection is closed: how it ended, in words."""
        # It is dead already, with a status that stays, unless the call closed the descriptor.
        self.kill_group()
        status = self.process.wait()
        self.kill()
        if status >= 0:
            how = f"exited with status {status}"
        elif status == -signal.SIGKILL:
            how = "was killed by SIGKILL, as by the system when memory runs out,"
        else:
            how = f"was killed by signal {-status} ({signal.strsignal(-status)})"
        return f"the worker process {self.process.pid} {how} while it ran {name_of(fn)}"

    def kill(self) -> None:
        """End it, whatever it does, and what it started. Parks: never."""
        everyone.discard(self)
        self.close()
        if self.process.returncode is None:
            self.kill_group()
            # Giving back much memory takes its time.
            start_in_thread(self.process.wait)

    def kill_group(self) -> None:
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # the program ignores SIGCHLD, or waits for every child: none is left

    def hang_up(self) -> None:
        """Give it no more calls: it ends when it has made the one it makes."""
        closing(self.socket.fileno())
        self.socket.close()

    def close(self) -> None:
        self.hang_up()
        os.close(self.lifeline)


def command(connection: int, lifeline: int) -> list[str]:
    """The command line of a worker: this interpreter, with the same options."""
    options: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    paths = [path for path in sys.path if isinstance(path, str)]
    return [sys.executable, *options, "-c", BOOT, str(connection), str(lifeline), *paths]


def framed(content: bytes) -> bytes:
    return FRAME.pack(len(content)) + content


def main_module() -> dict[str, str]:
    """Where the program's main module is, in the words of ``multiprocessing.spawn.prepare``."""
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return {"init_main_from_name": spec.name}
    path = getattr(main, "__file__", None)
    return {} if path is None else {"init_main_from_path": os.path.abspath(path)}


def end_all() -> None:
    """At exit: idle workers end, as programs do; busy ones die with this process."""
    leaving, idle[:] = idle[:], []
    for worker in leaving:
        worker.hang_up()
    for worker in leaving:
        try:
            worker.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            pass
        worker.kill()


def forget_all() -> None:
    """In a forked child: the workers are the parent's."""
    global places
    for worker in everyone:
        worker.socket.close()
        os.close(worker.lifeline)
        # Else it would be reported as a child that nobody has waited for.
        worker.process.returncode = 0
    everyone.clear()
    idle.clear()
    places = Places(CPUS)


atexit.register(end_all)
os.register_at_fork(after_in_child=forget_all)
