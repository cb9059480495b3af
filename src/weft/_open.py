"""Files on disks, read and written without holding up other tasks.

Owns: the raw file whose system calls are made in OS threads. Must not know: paths, formats.

The kernel offers no readiness for a file on a disk, so each call of the raw file goes through a
thread of the pool, and the caller parks meanwhile. The stdlib's buffers lie on top: a hop is paid
for each of theirs, not for each line. A call that was begun is finished even if its task is
cancelled, or the file's position and its buffer would no longer agree.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from weft import _buffers, _files
from weft._core._scope import shield
from weft._offload import run

P = ParamSpec("P")
R = TypeVar("R")

# Bytes in a buffer: reading a gigabyte takes 8,000 hops of some 20 us.
BUFFER = 131072


class FileIO(_files.FileIO):
    """:class:`io.FileIO`, whose calls are made in a thread; what has to be waited for parks."""

    # Whether calls are made here: by a finalizer, which must not park.
    _direct = False
    # Whether it is a pipe or a terminal, whose calls may take for ever.
    _waits = False

    def __init__(
        self, file: Any, mode: str = "r", closefd: bool = True, opener: Any = None
    ) -> None:
        if opener is not None or isinstance(file, int):
            super().__init__(file, mode, closefd, opener)
        else:
            self._call(super().__init__, file, mode, closefd)
        self._waits = _files.waits(self.fileno())

    def _call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        if self._direct:
            return function(*args, **kwargs)
        with shield():
            return run(function, *args, **kwargs)

    def readinto(self, buffer: Any, /) -> Any:
        """As the stdlib's."""
        if self._waits:
            return super().readinto(buffer)
        return self._call(io.FileIO.readinto, self, buffer)

    def read(self, size: int | None = -1, /) -> Any:
        """As the stdlib's."""
        if self._waits:
            return super().read(size)
        return self._call(io.FileIO.read, self, -1 if size is None else size)

    def readall(self) -> Any:
        """As the stdlib's."""
        return super().readall() if self._waits else self._call(io.FileIO.readall, self)

    def write(self, data: Any, /) -> Any:
        """As the stdlib's."""
        return super().write(data) if self._waits else self._call(io.FileIO.write, self, data)

    def truncate(self, size: int | None = None, /) -> int:
        """As the stdlib's."""
        return self._call(io.FileIO.truncate, self, size)

    def close(self) -> None:
        """As the stdlib's."""
        if self._waits or self.closed:
            super().close()
        else:
            self._call(io.FileIO.close, self)

    def __del__(self) -> None:
        self._direct = True
        super().__del__()


class _Above:
    """What lies above a raw file: its finalizer flushes and closes without parking."""

    # The raw file; None if its __init__ failed.
    _lowest: Any = None

    def __init__(self, beneath: Any, *args: Any, **options: Any) -> None:
        self._lowest = getattr(beneath, "_lowest", beneath)
        super().__init__(beneath, *args, **options)  # type: ignore[call-arg]

    def __del__(self) -> None:
        if self._lowest is not None:
            self._lowest._direct = True
        super().__del__()  # type: ignore[misc]


class BufferedReader(_Above, _buffers.BufferedReader):
    pass


class BufferedWriter(_Above, _buffers.BufferedWriter):
    pass


class BufferedRandom(_Above, _buffers.BufferedRandom):
    pass


class TextIOWrapper(_Above, io.TextIOWrapper):
    pass


LAYERS = (FileIO, BufferedReader, BufferedWriter, BufferedRandom, TextIOWrapper)


@cache
def _open_here() -> Callable[..., Any]:
    return _files.open_making({each.__name__: each for each in LAYERS})


if TYPE_CHECKING:
    from io import open as open  # noqa: A004
else:

    def open(  # noqa: A001 - it is open
        file,
        mode="r",
        buffering=-1,
        encoding=None,
        errors=None,
        newline=None,
        closefd=True,
        opener=None,
    ):
        """The built-in :func:`open`, whose file parks the task where it would block its thread.

        For files on a disk: opening, reading, writing, ``flush`` and ``close`` are made in OS
        threads, a buffer of 128 KiB at a time, so that other tasks go on while the disk, or the
        network behind it, takes its time. Pipes and terminals wait without a thread. The object
        is one of :mod:`io`'s, and all that the stdlib's files can do it can.

        A call that has begun is finished before the task sees that it was cancelled. A file that
        is dropped without being closed is closed on the spot, which may block.

        Args:
          file, mode, buffering, encoding, errors, newline, closefd, opener: as for
            :func:`open`. ``opener`` is called by the task.

        Raises:
          OSError, ValueError, TypeError, LookupError: as :func:`open`.

        Parks: always when it opens a path; its methods when their buffer does not suffice.
        Woken by: the end of the call. Threads: any.

        Example:
          >>> import os, weft
          >>> with weft.open(os.devnull, "w") as file:
          ...     file.write("a line")
          6
        """
        size = BUFFER if buffering == -1 else buffering
        made = _open_here()(file, mode, size, encoding, errors, newline, closefd, opener)
        if buffering == -1 and isinstance(made, TextIOWrapper) and made.isatty():
            made.reconfigure(line_buffering=True)
        return made
