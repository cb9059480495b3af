"""Files on descriptors that have to be waited for: pipes, terminals, sockets, devices.

Owns nothing. Must not know: processes, paths.

A raw file that parks stands beneath the buffered ones of :mod:`weft._buffers`, whose calls take
turns. The descriptor stays a blocking one, as other processes may have it as well.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable
from functools import cache
from typing import IO, Any

from weft._buffers import BufferedReader, BufferedWriter, green_io
from weft._core import _pipe
from weft._core._fds import closing
from weft._counterpart import rebound
from weft._modules import view

_fstat = os.fstat
_open = io.open


class FileIO(io.FileIO):
    """:class:`io.FileIO`; reads and writes park the task, and do not block its thread.

    Example:
      >>> import os
      >>> from weft import spawn
      >>> from weft._files import FileIO
      >>> reader, writer = map(FileIO, os.pipe(), ("rb", "wb"))
      >>> line = spawn(reader.read, 100)
      >>> writer.write(b"a line")
      6
      >>> line.result()
      b'a line'
      >>> reader.close(); writer.close()
    """

    def readinto(self, buffer: Any, /) -> Any:
        """Read into ``buffer``; how many bytes, None if a non-blocking file has nothing."""
        if not self.readable():
            return super().readinto(buffer)
        try:
            return _pipe.readinto(self.fileno(), buffer)
        except BlockingIOError:
            return None

    def read(self, size: int | None = -1, /) -> Any:
        """Read at most ``size`` bytes, or all to the end; None if a non-blocking file has none."""
        if not self.readable():
            return super().read(size)
        if size is None or size < 0:
            return self.readall()
        try:
            return _pipe.read(self.fileno(), size)
        except BlockingIOError:
            return None

    def readall(self) -> Any:
        """Read all there is to the end; None if a non-blocking file has nothing now."""
        parts: list[bytes] = []
        try:
            while part := _pipe.read(self.fileno(), 65536):
                parts.append(part)
        except BlockingIOError:
            if not parts:
                return None
        return b"".join(parts)

    def write(self, data: Any, /) -> Any:
        """Write ``data``; how many bytes, None if a non-blocking file has no room."""
        if not self.writable():
            return super().write(data)
        try:
            return _pipe.write(self.fileno(), data)
        except BlockingIOError:
            return None

    def close(self) -> None:
        """Close it; whoever waits in it gets EBADF."""
        if not self.closed and self.closefd:
            closing(self.fileno())
        super().close()


def waits(fd: int) -> bool:
    """Whether reading ``fd`` or writing to it may have to wait for somebody: it is not on a disk.

    Raises:
      OSError: it is not open.
    """
    mode = _fstat(fd).st_mode
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISBLK(mode))


def open_fd(file: int, mode: str = "r", *arguments: Any, **options: Any) -> IO[Any]:
    """:func:`io.open` for a descriptor: a file that parks if there is anything to wait for.

    Example:
      >>> import os
      >>> from weft._files import open_fd
      >>> reader, writer = os.pipe()
      >>> with open_fd(writer, "w") as file:
      ...     file.write("a line")
      6
      >>> with open_fd(reader) as file:
      ...     file.read()
      'a line'
    """
    make = _green_open() if _may_wait(file) else _open
    made: IO[Any] = make(file, mode, *arguments, **options)
    return made


def _may_wait(fd: int) -> bool:
    try:
        return waits(fd)
    except (OSError, OverflowError):
        return False  # the stdlib's open says it as its users know it


@cache
def _green_open() -> Callable[..., Any]:
    return open_making({each.__name__: each for each in (FileIO, BufferedReader, BufferedWriter)})


def open_making(classes: dict[str, type]) -> Callable[..., Any]:
    """The stdlib's ``open`` as it is written in Python, with ``classes`` in place of its own."""
    import _pyio  # type: ignore[import-not-found]  # takes 6 ms

    written: Callable[..., Any] = getattr(_pyio.open, "__func__", _pyio.open)
    return rebound(written, {**vars(_pyio), **vars(io), **classes})


# The module ``io`` whose files park: with ``open`` for descriptors only.
waiting_io = view(green_io, {"FileIO": FileIO, "open": open_fd})
