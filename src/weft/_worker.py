"""The other side of :mod:`weft._processes`: make the calls that come in, until none can come.

Owns the process it runs in, one call at a time. Nothing here parks: a worker has no other task.

The connection carries frames, each a length (``FRAME``) and so many bytes. The first to the worker
is the pickled ``Program``; each further one is a call, pickled as (function, args, kwargs), and is
answered by one: a byte that says what it is, and what that is pickled.
"""

from __future__ import annotations

import fcntl
import io
import os
import pickle
import select
import signal
import struct
import sys
import traceback
from typing import Any, NamedTuple

FRAME = struct.Struct("!Q")
# What an answer begins with: VALUE is followed by the pickled value; ERROR by a pair, the
# exception as pickled bytes and its traceback as text.
VALUE, ERROR = b"v", b"e"

# Whether this process is a worker.
serving = False


class Program(NamedTuple):
    """What a worker knows of the program it works for."""

    argv: list[str]
    # Where its __main__ is, in the words of multiprocessing.spawn.prepare; empty: nowhere.
    main: dict[str, str]


def main(connection: int, lifeline: int) -> None:
    """Make the calls that come in over ``connection``, a blocking socket's descriptor."""
    global serving, program
    die_with(lifeline)
    serving = True
    with open(connection, "rb") as reader, open(os.dup(connection), "wb") as writer:
        program = pickle.loads(read_frame(reader))
        sys.argv = program.argv
        while call := read_frame(reader):
            answer = answer_to(call)
            writer.write(FRAME.pack(len(answer)))
            writer.write(answer)
            writer.flush()


program = Program([], {})


def die_with(lifeline: int) -> None:
    """Have the kernel kill this process once nobody holds the other end of the pipe ``lifeline``.

    It works whatever the process does, be it a C function that keeps the GIL; a thread that
    watches the pipe would not, and would make every ``os.fork`` in a call suspect.
    """
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
    flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)
    if select.select([lifeline], [], [], 0)[0]:
        sys.exit()  # it was closed before


def read_frame(reader: io.BufferedReader) -> bytes:
    """The next frame; empty at the end."""
    length = reader.read(FRAME.size)
    return reader.read(*FRAME.unpack(length)) if length else b""


def answer_to(call: bytes) -> bytes:
    """Make a pickled call; what it returned or raised, as a frame's contents."""
    try:
        function, args, kwargs = load(call)
    except BaseException as error:
        told = f"a worker process cannot load the call: {told_of(error)}"
        return failure(pickle.UnpicklingError(told), error)
    try:
        value = make_call(function, args, kwargs)
    except BaseException as error:
        leave_out_ourselves(error)
        return failure(error, error)
    try:
        return VALUE + pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        told = f"what {name_of(function)} returned, {brief(value)}, cannot be sent back: "
        return failure(pickle.PicklingError(told + told_of(error)), error)


def make_call(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    try:
        return function(*args, **kwargs)
    finally:
        # The process may be killed at any time; what a call has printed was printed.
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and not stream.closed:
                stream.flush()


def leave_out_ourselves(error: BaseException) -> None:
    """Let its traceback begin in the function called."""
    place = error.__traceback__
    while place is not None and place.tb_frame.f_code.co_filename == __file__:
        place = place.tb_next
    error.__traceback__ = place


def failure(error: BaseException, shown: BaseException) -> bytes:
    """The answer that raises ``error`` where the call was asked for, and tells of ``shown``."""
    text = "".join(traceback.format_exception(shown))
    try:
        pickled = pickle.dumps(error)
        # Many an exception can be pickled, but not made again from what it was made of.
        load(pickled)
    except Exception:
        told = f"the call raised {told_of(error)}; the exception itself cannot be pickled"
        pickled = pickle.dumps(pickle.PicklingError(told))
    return ERROR + pickle.dumps((pickled, text))


def told_of(error: BaseException) -> str:
    """What a message says of an exception."""
    return f"{type(error).__name__}: {error}"


def name_of(function: object) -> str:
    """What a function is called in messages, in every process the same."""
    name = getattr(function, "__qualname__", None)
    module = getattr(function, "__module__", None)
    return f"{as_in_program(module)}.{name}" if name else brief(function)


def brief(value: object) -> str:
    """What a message shows of a value of anybody's."""
    return f"an object of class {as_in_program(type(value).__module__)}.{type(value).__qualname__}"


def as_in_program(module: str | None) -> str | None:
    """What the program calls its module that a worker has as ``__mp_main__``."""
    return "__main__" if module == "__mp_main__" else module


def load(pickled: bytes | memoryview) -> Any:
    """What comes from the other side of a connection; either side uses it."""
    return Unpickler(io.BytesIO(pickled)).load()


class Unpickler(pickle.Unpickler):
    """Knows that a worker's ``__mp_main__`` is the program's ``__main__``.

    A worker imports it when something of it is asked for, and not before.
    """

    def find_class(self, module: str, name: str, /) -> Any:
        if module == "__main__" and serving:
            import_main(name)
        elif module == "__mp_main__" and not serving:
            module = "__main__"
        return super().find_class(module, name)


def import_main(wanted: str) -> None:
    """Run the program's main module, under the name ``__mp_main__``, as multiprocessing does.

    Raises:
      AttributeError: there is nothing that can be imported.
      BaseException: whatever it raises.
    """
    if "__mp_main__" not in sys.modules and program.main:
        from multiprocessing import process, spawn

        own: Any = process.current_process()
        # By this mark multiprocessing, and weft.parallel, know that they must start no process.
        own._inheriting = True
        try:
            spawn.prepare(program.main)
        finally:
            del own._inheriting
    if "__mp_main__" not in sys.modules:
        raise AttributeError(
            f"{wanted!r} was defined in a session, by python -c or in a __main__.py, where no "
            f"worker process can find it; put it into a module"
        )
