"""Makes the stdlib's blocking calls cooperative, in place.

``weft run prog.py`` patches before anything else is imported and is the recommended way. A
program can do the same itself, as its first two lines:

    import weft.patch
    weft.patch.all()

What other modules took from a patched module before (``from time import sleep``), and the locks
they made, are repaired where they can be; :func:`unrepaired` names the rest. Patching twice does
nothing; :func:`unpatch` is for tests.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from weft._core._api import current, tasks
from weft._errors import TaskError
from weft.patch import _anew, _integrations, _kept, _late, _registry

__all__ = [
    "all",
    "asyncio",
    "io",
    "is_patched",
    "multiprocessing",
    "original",
    "os",
    "queue",
    "select",
    "selectors",
    "signal",
    "socket",
    "ssl",
    "subprocess",
    "sys",
    "threading",
    "time",
    "unpatch",
    "unrepaired",
]

# In this order, since each stands on those before it.
MODULES = (
    "signal",
    "time",
    "threading",
    "queue",
    "os",
    "io",
    "select",
    "selectors",
    "socket",
    "ssl",
    "subprocess",
    "multiprocessing",
    "asyncio",
    "sys",
)


def all(  # noqa: A001 - weft.patch.all() is what everybody looks for
    *,
    socket: bool = True,
    ssl: bool = True,
    select: bool = True,
    selectors: bool = True,
    time: bool = True,
    threading: bool = True,
    queue: bool = True,
    multiprocessing: bool = True,
    asyncio: bool = True,
    sys: bool = True,
    os: bool = True,
    io: bool = True,
    signal: bool = True,
    subprocess: bool = True,
) -> None:
    """Patch every module that weft has a counterpart for, less those given as False.

    Parks: never. Call it in the main thread, before threads are started.

    Example:
      >>> import weft.patch
      >>> weft.patch.all(ssl=False)
      >>> weft.patch.is_patched("socket"), weft.patch.is_patched("ssl")
      (True, False)
    """
    wanted = locals()
    apply([name for name in MODULES if wanted[name]])


def socket() -> None:
    """Patch :mod:`socket`, and the drivers of ``weft.integrations``, which wait as it does."""
    apply(["socket"])


def ssl() -> None:
    """Patch :mod:`ssl`."""
    apply(["ssl"])


def select() -> None:
    """Patch :mod:`select`."""
    apply(["select"])


def selectors() -> None:
    """Patch :mod:`selectors`."""
    apply(["selectors"])


def time() -> None:
    """Patch :mod:`time`."""
    apply(["time"])


def threading() -> None:
    """Patch :mod:`threading` and :mod:`_thread` beneath it."""
    apply(["threading"])


def queue() -> None:
    """Patch :mod:`queue`."""
    apply(["queue"])


def multiprocessing() -> None:
    """Patch :mod:`multiprocessing`."""
    apply(["multiprocessing"])


def asyncio() -> None:
    """Patch :mod:`asyncio`."""
    apply(["asyncio"])


def os() -> None:
    """Patch :mod:`os`."""
    apply(["os"])


def io() -> None:
    """Patch :func:`open`, which is :func:`io.open`, for descriptors."""
    apply(["io"])


def signal() -> None:
    """Patch :mod:`signal`."""
    apply(["signal"])


def subprocess() -> None:
    """Patch :mod:`subprocess`, which stands on ``os``, ``selectors`` and ``threading``."""
    apply(["subprocess"])


def sys() -> None:
    """Patch the standard streams of :mod:`sys`, ``input`` and :mod:`getpass`."""
    apply(["sys"])


def apply(names: list[str]) -> None:
    """Run the patch of each module named, then repair what others took before."""
    for name in names:
        if name not in _registry.applied:
            import_module(f"weft.patch._{name}").patch()
            _registry.applied.add(name)
    _anew.watch()
    _registry.sweep()
    _kept.note_containers()
    # What anybody takes from now on he means to have, be it an original.
    _registry.taken_before.clear()
    _late.replace_all()
    if "socket" in _registry.applied:
        _integrations.watch()


def unpatch() -> None:
    """Put the stdlib back as it was: for tests of programs that patch.

    Back go the names of the stdlib's modules, the attributes of its classes, and what the patch
    gave to modules that had taken the originals. What a module took since, and the locks and
    contexts made or replaced meanwhile, are green and stay so: they work in an unpatched program.

    Raises:
      TaskError: tasks are running. The next ``sleep`` or ``recv`` of one would stop all of them.

    Parks: never. Threads: the one that patched.

    Example:
      >>> import time, weft.patch
      >>> weft.patch.time()
      >>> weft.patch.unpatch()
      >>> time.sleep is weft.patch.original("time").sleep
      True
    """
    running = [task for task in tasks() if not task.is_main and task is not current()]
    if running:
        named = ", ".join(f"{task.name} (spawned at {task.spawn_place})" for task in running[:5])
        more = f" and {len(running) - 5} more" if len(running) > 5 else ""
        raise TaskError(
            f"unpatch() would leave tasks behind whose waits stop their thread: {named}{more}; "
            "join them or shut down what started them, then call it again"
        )
    _registry.unpatch()


def is_patched(name: str) -> bool:
    """Whether the stdlib module ``name`` is patched.

    Example:
      >>> import weft.patch
      >>> weft.patch.is_patched("json")
      False
    """
    return name in _registry.applied


def unrepaired() -> list[str]:
    """What was made before the patch and could not be replaced: each with its place and the reason.

    Patch earlier, or with ``weft run``, and it is empty.

    Example:
      >>> import weft.patch
      >>> weft.patch.unrepaired()
      []
    """
    return [str(each) for each in _registry.left]


def original(name: str) -> ModuleType:
    """The stdlib module ``name`` as it is without patches.

    A function of it that a program keeps in a module of its own is a native
    one only if it was taken after the patch; one taken before is repaired.

    Returns:
      A module object of its own, the same at every call.

    Raises:
      ModuleNotFoundError: there is no such module.

    Example:
      >>> import weft.patch
      >>> native = weft.patch.original("threading")
      >>> thread = native.Thread(target=print, args=("hello from an OS thread",))
      >>> thread.start(); thread.join()
      hello from an OS thread
    """
    return _registry.original(name)
