"""Runs a file, a directory or a module as ``__main__``, as the interpreter itself does.

The stdlib's ``runpy.run_path`` comes near, but restores ``sys.modules`` afterwards, resolves
``sys.path[0]`` differently and leaves its own frames in tracebacks. What the interpreter does is
in CPython's ``Modules/main.c`` (``pymain_run_python``) and ``Python/pythonrun.c``.
"""

from __future__ import annotations

import builtins
import os
import sys
from collections.abc import Callable
from importlib.machinery import SourceFileLoader, SourcelessFileLoader
from importlib.util import MAGIC_NUMBER
from types import ModuleType, TracebackType


def run_path(path: str, arguments: list[str]) -> None:
    """Run the script at ``path``, or the ``__main__`` in a directory or zip file.

    Args:
      path: as given on the command line; becomes ``sys.argv[0]``.
      arguments: the rest of ``sys.argv``.

    Raises:
      BaseException: whatever the program raises; printed, its traceback starts in the program.
      SystemExit: status 2 when the file cannot be read, after saying so as python does.
    """
    sys.argv = [path, *arguments]
    absolute = os.path.join(os.getcwd(), path)
    if is_importable(absolute):
        set_first_path(absolute)
        execute(lambda: run_as_main("__main__", alter_argv=False))
        return
    if not sys.flags.safe_path:
        set_first_path(os.path.dirname(os.path.realpath(path)))
    try:
        with open(absolute, "rb") as file:
            source = file.read()
    except OSError as error:
        message = f"can't open file {absolute!r}: [Errno {error.errno}] {error.strerror}"
        print(f"{sys.executable}: {message}", file=sys.stderr)
        advise(path)
        raise SystemExit(2) from None
    execute(lambda: run_source(absolute, source))


def advise(path: str) -> None:
    """Say how to run a script on ``PATH``, such as ``flask``, if that is what ``path`` names."""
    import shutil  # not for every program

    command = shutil.which(path)
    if command and os.access(command, os.R_OK):
        with open(command, "rb") as file:
            if file.read(2) == b"#!":
                advice = f"for the command {path} write: weft run {command}"
                print(f"weft run: {advice}", file=sys.stderr)


def run_module(name: str, arguments: list[str]) -> None:
    """Run the module or package ``name``, looked up on ``sys.path``, as ``python -m`` does.

    Raises:
      BaseException: whatever the program raises; printed, its traceback starts in the program.
      SystemExit: there is no such module; the message is python's.
    """
    # While the module is looked for, and its packages are imported, argv[0] is this.
    sys.argv = ["-m", *arguments]
    if not sys.flags.safe_path:
        set_first_path(os.getcwd())
    execute(lambda: run_as_main(name, alter_argv=True))


def run_as_main(name: str, *, alter_argv: bool) -> None:
    """Let the very function that ``python -m`` uses find ``name`` and run it."""
    import runpy

    new_main()
    # Private, but the interpreter calls it by this name.
    runpy._run_module_as_main(name, alter_argv)  # type: ignore[attr-defined]


def run_source(path: str, source: bytes) -> None:
    """Run a script's ``source``, or the code of a ``.pyc``, in a fresh ``__main__``.

    Bytes that are not text in the script's encoding, and null bytes, are a SyntaxError worded as
    for a module: only the interpreter's own parser of files says it as for a script.
    """
    loader: SourcelessFileLoader | SourceFileLoader
    if path.endswith(".pyc") or source.startswith(MAGIC_NUMBER):
        loader = SourcelessFileLoader("__main__", path)
        code = loader.get_code("__main__")
    else:
        loader = SourceFileLoader("__main__", path)
        code = compile(source, path, "exec", dont_inherit=True)
    names = vars(new_main())
    names.update(__file__=path, __cached__=None, __loader__=loader)
    assert code, "only built-in modules have no code"
    exec(code, names)


def new_main() -> ModuleType:
    """Put an empty ``__main__`` in ``sys.modules``, where pickle and multiprocessing look.

    The command's own ``__main__`` lives on in the frame that runs it.
    """
    main = ModuleType("__main__")
    # Otherwise exec would put the dictionary there, which only imported modules have.
    main.__dict__["__builtins__"] = builtins
    main.__annotations__ = {}
    sys.modules["__main__"] = main
    return main


def is_importable(path: str) -> bool:
    """Whether ``path`` can stand in ``sys.path``: it is a directory or a zip file."""
    for hook in sys.path_hooks:
        try:
            hook(path)
        except ImportError:
            continue
        return True
    return False


def set_first_path(directory: str) -> None:
    """Put ``directory`` where the interpreter put the command's own, which goes."""
    # Under -P or PYTHONSAFEPATH it put nothing there.
    sys.path[: 0 if sys.flags.safe_path else 1] = [directory]


def execute(start: Callable[[], None]) -> None:
    """Call ``start``; what it raises reaches the interpreter, and is shown as the program's own.

    The interpreter prints an exception through ``sys.excepthook``, joins threads, runs ``atexit``
    and chooses the exit status (for KeyboardInterrupt, death by SIGINT). All that is left to it:
    only the hook is told to show the traceback without us.
    """
    try:
        start()
    except SystemExit:
        raise
    except BaseException as error:
        if os.environ.get("WEFT_TRACEBACK") != "full":
            hide_ourselves(error)
        raise


def hide_ourselves(error: BaseException) -> None:
    """Have ``sys.excepthook`` show ``error`` with the tracebacks that python would have made.

    Without weft the stdlib's C functions stand where weft's do, and those show no frames. A report
    about weft itself needs them: ``WEFT_TRACEBACK=full`` hides nothing.
    """
    for one in related(error):
        one.__traceback__ = without_ours(one.__traceback__)
    shown = error.__traceback__
    program_hook = getattr(sys, "excepthook", missing_hook)

    def excepthook(
        kind: type[BaseException], value: BaseException, traceback: TracebackType | None
    ) -> None:
        sys.excepthook = program_hook
        # On its way out the exception has collected our frames anew.
        value.__traceback__ = shown
        program_hook(kind, value, shown)

    sys.excepthook = excepthook


def related(error: BaseException) -> list[BaseException]:
    """``error`` with all that is printed beside it: causes, contexts, members of groups."""
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or any(one is other for other in found):
            continue
        found.append(one)
        waiting += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
    return found


def without_ours(traceback: TracebackType | None) -> TracebackType | None:
    """A copy of ``traceback`` less the frames of weft, and of what led to the program."""
    kept: list[TracebackType] = []
    while traceback:
        module = str(traceback.tb_frame.f_globals.get("__name__"))
        leads_in = module == "runpy" and not kept
        if not leads_in and not f"{module}.".startswith("weft."):
            kept.append(traceback)
        traceback = traceback.tb_next
    copy = None
    for entry in reversed(kept):
        copy = TracebackType(copy, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return copy


def missing_hook(
    kind: type[BaseException], value: BaseException, traceback: TracebackType | None
) -> None:
    """What the interpreter does for a program that deleted ``sys.excepthook``."""
    print("sys.excepthook is missing", file=sys.stderr)
    sys.__excepthook__(kind, value, traceback)
