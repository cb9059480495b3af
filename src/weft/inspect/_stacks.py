"""Stacks in words, and which of their lines are the user's.

Owns nothing. A user's frame is one that is neither in weft nor in the
standard library: the innermost of them is the line that waits.
"""

import linecache
import os
from types import FrameType

Frames = list[tuple[FrameType, int]]  # innermost first, each with its line


def _directory(path: str) -> str:
    return os.path.join(os.path.dirname(path), "")


_SELF = _directory(os.path.abspath(__file__))
_WEFT = _directory(_SELF[:-1])
_SOURCE = _directory(_WEFT[:-1])
_STDLIB = _directory(os.path.abspath(os.__file__))
_SITE = os.path.join(_STDLIB, "site-packages", "")


def is_user(frame: FrameType) -> bool:
    """Whether the frame's code is the program's own, or a package it has installed."""
    path = frame.f_code.co_filename
    if path.startswith((_WEFT, "<frozen ")):
        return False
    return not path.startswith(_STDLIB) or path.startswith(_SITE)


def own_calls_left_out(frames: Frames) -> Frames:
    """``frames`` less those of this package, which are there because somebody looks."""
    return [pair for pair in frames if not pair[0].f_code.co_filename.startswith(_SELF)]


def user_frame(frames: Frames) -> tuple[FrameType, int] | None:
    """The innermost frame of the user's, where there is one."""
    return next((pair for pair in frames if is_user(pair[0])), None)


def library_call(frames: Frames) -> tuple[str, object]:
    """The call into the standard library that waits, as ``"queue.Queue.get"``, and its object.

    ``""`` when it is not there that the program waits; None when it is no method.
    """
    found: FrameType | None = None
    for frame, _ in frames:
        # Beneath Thread.run lies what started the thread. It is another object in weft.threading.
        if is_user(frame) or frame.f_code.co_qualname == "Thread.run":
            break
        if frame.f_code.co_filename.startswith(_STDLIB):
            found = frame
    if found is None:
        return "", None
    name = f"{found.f_globals.get('__name__')}.{found.f_code.co_qualname}"
    return name, found.f_locals.get("self")


def line_of(frame: FrameType, line: int) -> str:
    """One line of a stack: ``app.py:12 in worker: with lock:``."""
    code = frame.f_code
    text = linecache.getline(code.co_filename, line, frame.f_globals).strip()
    place = f"{short(code.co_filename)}:{line} in {code.co_name}"
    return f"{place}: {text}" if text else place


def short(text: str) -> str:
    """``text`` with its paths less the directories that go without saying."""
    for directory in (_SITE, _STDLIB, _SOURCE):
        text = text.replace(directory, "")
    try:
        return text.replace(os.path.join(os.getcwd(), ""), "")
    except OSError:  # the working directory has been removed
        return text


def variable(value: object, frame: FrameType) -> str:
    """What ``value`` is called in ``frame``: ``lock``, ``self.lock``, or ``""``.

    A global name first: of those there is one for each object, of parameters there are many.
    """
    me = frame.f_locals.get("self")
    for prefix, names in (
        ("", frame.f_globals),
        ("self.", getattr(me, "__dict__", {})),
        ("", frame.f_locals),
    ):
        for name, one in list(names.items()):
            if one is value:
                return prefix + str(name)
    return ""


def type_name(kind: type) -> str:
    """The public name of a class: weft's own are said to be of ``weft``."""
    module = kind.__module__
    if module == "weft._core._lock":
        module = "threading"
    elif module == "weft._core._simplequeue":
        module = "queue"
    elif module.startswith("weft._"):
        module = "weft"
    if module == "builtins":
        return kind.__qualname__
    return f"{module}.{kind.__qualname__}"
