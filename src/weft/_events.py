"""The event-driven model: a queue of events, handlers by event type, and a loop that joins them.

Owns: subscriptions, timers, watched descriptors. Whatever is asked of a loop, from any thread,
goes into its one queue; the task in ``run()`` parks there until an entry comes or a timer is due,
and alone touches the timers and watches. Each call of a handler is a task of a crew
(``_core/_crew.pyx``), so that one that blocks holds up nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Any, Protocol, TypeVar

from weft._core._api import now
from weft._core._crew import Crew
from weft._core._fds import wait_readable
from weft._core._queue import Empty, Queue
from weft._core._scope import shield
from weft._core._semaphore import Semaphore
from weft._core._task import Task
from weft._errors import TaskError
from weft._fanout import caller_place
from weft._tasks import name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from weft._fanout import Place

E = TypeVar("E")

DAY = 86_400.0  # seconds; nobody waits longer at a time, whatever the clock makes of infinity


class HasFileno(Protocol):
    """A socket, a pipe, a file."""

    def fileno(self) -> int: ...


class Handle:
    """What a loop is to call, until :meth:`cancel`; returned by the methods of a :class:`Loop`.

    Example:
      >>> from weft import events
      >>> loop = events.Loop()
      >>> handle = loop.call_later(3600, print)
      >>> handle.cancel()
      >>> handle.cancelled
      True
    """

    def __init__(
        self, what: str, fn: Callable[..., object], place: Place, forget: Callable[[Handle], None]
    ) -> None:
        if not callable(fn):
            raise TypeError(f"{what} needs a function to call, got {fn!r}")
        self.place = place
        self.name = name_of(fn)
        self._what = what
        self._fn: Callable[..., object] | None = fn  # cancelled: None
        self._forget = forget

    @property
    def cancelled(self) -> bool:
        """Whether it was cancelled: no call begins any more."""
        return self._fn is None

    def cancel(self) -> None:
        """Call it no more. A call that has begun goes on; to cancel again does nothing.

        Parks: never. Threads: any; from another one, a call may be just beginning.
        """
        if self._fn is not None:
            self._fn = None
            self._forget(self)

    def call(self, *args: object) -> None:
        fn = self._fn
        if fn is not None:
            fn(*args)

    def __repr__(self) -> str:
        return f"<{self._what} of {self.name}{', cancelled' if self.cancelled else ''}>"


class Loop:
    """Takes events out of a queue, in order, and calls the handlers of each one's type.

    **Each call is a task of its own.** Calls begin in the order the events were published, for
    one event in the order of subscription; none waits for another to end, also not one of the
    same handler. A handler that must see one event at a time takes a ``weft.Lock``, or puts
    them into a queue of its own.

    A call that fails is logged with the place that asked for it, and the loop goes on; what is
    to end the program (SystemExit, KeyboardInterrupt) goes to the main task.

    All methods but :meth:`run` may be called from any thread and task, before ``run`` too, and
    never park. What is asked of the loop while it does not run waits for the next ``run``.

    Example:
      >>> from weft import events
      >>> loop = events.Loop()
      >>> words = []
      >>> handle = loop.subscribe(str, words.append)
      >>> late = loop.call_later(0.001, loop.stop)
      >>> loop.publish("warp")
      >>> loop.publish("weft")
      >>> loop.run()
      >>> words
      ['warp', 'weft']
    """

    def __init__(self) -> None:
        self._place = caller_place()
        # What run() is to do next, and with what.
        self._entries: Queue[tuple[Callable[[Any], object], Any]] = Queue()
        self._numbers = count()  # of what is asked for, in order
        self._subscribed: dict[type, dict[Handle, int]] = {}
        # From here on touched by run() only.
        self._timers: list[tuple[float, int, Handle]] = []  # a heap, by deadline
        self._stale = 0  # about as many of them are cancelled
        self._watches: dict[Handle, int | HasFileno] = {}
        self._watchers: dict[Handle, Task[None]] = {}
        self._crew: Crew | None = None  # not running: None
        self._runs = 0  # how many have ended
        self._stopped = False

    def subscribe(self, kind: type[E], fn: Callable[[E], object]) -> Handle:
        """Call ``fn(event)`` for every event of class ``kind``, or of a class derived from it.

        As with ``except``, then: a handler of ``object`` gets every event. It is looked up when
        the event is taken out of the queue, not when it is published.

        Raises:
          TypeError: ``kind`` is no class, or ``fn`` cannot be called.

        Parks: never. Threads: any.
        """
        if not isinstance(kind, type):
            raise TypeError(f"an event's type is a class, got {kind!r}; write class Click: ...")

        def forget(handle: Handle) -> None:
            handlers.pop(handle, None)

        handlers = self._subscribed.setdefault(kind, {})
        handle = Handle(f"subscription to {kind.__qualname__}", fn, caller_place(), forget)
        handlers[handle] = next(self._numbers)
        return handle

    def publish(self, event: object) -> None:
        """Put ``event`` into the queue; nobody waits for its handlers.

        One that nobody has subscribed to is dropped.

        Parks: never. Threads: any.
        """
        self._entries.put_nowait((self._dispatch, event))

    def call_soon_threadsafe(self, fn: Callable[[], object]) -> Handle:
        """Call ``fn()`` in the loop's thread, when what is in the queue by now has had its turn.

        Raises:
          TypeError: ``fn`` cannot be called.

        Parks: never. Threads: any.
        """
        handle = Handle("call", fn, caller_place(), lambda handle: None)
        self._entries.put_nowait((self._call, handle))
        return handle

    def call_later(self, seconds: float, fn: Callable[[], object]) -> Handle:
        """Call ``fn()`` once, ``seconds`` from now, never earlier.

        Calls that are due at the same time begin in the order they were asked for.

        Raises:
          TypeError: ``fn`` cannot be called.
          ValueError: ``seconds`` is negative or no number.

        Parks: never. Threads: any.
        """
        if not seconds >= 0:
            raise ValueError(f"seconds must be 0 or more, got {seconds!r}")
        deadline = now() + seconds
        handle = Handle("timer", fn, caller_place(), self._later(self._tidy))
        self._entries.put_nowait((self._arm, (deadline, next(self._numbers), handle)))
        return handle

    def on_readable(self, fd: int | HasFileno, fn: Callable[[], object]) -> Handle:
        """Call ``fn()`` whenever ``fd`` has something to read, or has come to its end.

        Level-triggered: as long as something is left to read it is called again, but never
        before the call before has ended. Cancel the handle, then close ``fd``: one that is
        closed first ends the watch with an error in the log. A call that fails is logged and
        the watch goes on, so ``fn`` is called again at once if it failed before it had read.

        Args:
          fd: an open descriptor, or an object with ``fileno()``.
          fn: takes no arguments, and reads.

        Raises:
          TypeError: ``fn`` cannot be called, or ``fd`` is no descriptor.
          ValueError: ``fd`` is negative: closed already.

        Parks: never. Threads: any.
        """
        descriptor_of(fd)
        handle = Handle("watch", fn, caller_place(), self._later(self._unwatch))
        self._entries.put_nowait((self._watch, (handle, fd)))
        return handle

    def stop(self) -> None:
        """Have ``run()`` return, once it has taken out what is in the queue by now.

        Asked for before ``run()``, it holds for the next one.

        Parks: never. Threads: any.
        """
        self._entries.put_nowait((self._stop, self._runs))

    def run(self) -> None:
        """Take events out and have their handlers called, until :meth:`stop`.

        When stopped, it waits for the calls that have begun. Timers that are not due yet,
        watches, and events that are published after ``stop()`` wait for the next ``run()``.
        If the calling task is cancelled, the calls are, too, and waited for.

        Raises:
          TaskError: it is running already.
          Cancelled: the calling task was cancelled.
          weft.Deadlock: in the main task: nothing can ever happen any more, and nobody stop it.

        Parks: while nothing is to be done, and at the end until the calls have ended.
        Woken by: every other method, timers, the end of a call. Threads: any; the handlers run
        in the same one.
        """
        if self._crew is not None:
            raise TaskError("this loop is running already; stop() it first, or make another one")
        # With places to give back to, a crew logs failures, and keeps no task that has ended.
        crew = self._crew = Crew("event loop", self._place, Semaphore(0))
        self._stopped = False
        try:
            for handle in list(self._watches):
                self._start_watching(handle)
            while not self._stopped:
                self._turn()
            crew.cancel("the loop was stopped", self._watchers.values())
            join(crew)
        except BaseException as error:
            crew.cancel(f"whoever ran the loop was stopped: {error!r}")
            with shield():
                join(crew)
            raise
        finally:
            self._watchers.clear()
            self._crew = None
            self._runs += 1

    def __repr__(self) -> str:
        state = "idle" if self._crew is None else f"{len(self._crew.tasks)} tasks"
        return f"<weft.events.Loop: {state}, {self._entries.qsize()} in the queue>"

    # -- all below in the task that runs it ---------------------------------------------

    def _turn(self) -> None:
        """Do what is due, and the next thing that comes, if it comes in time."""
        while self._timers and self._timers[0][0] <= now():
            self._call(heappop(self._timers)[2])
        left = min(self._timers[0][0] - now(), DAY) if self._timers else None
        try:
            act, what = self._entries.get(timeout=None if left is None else max(0.0, left))
        except Empty:
            return
        act(what)

    def _dispatch(self, event: object) -> None:
        found = [
            (number, handle)
            for kind in type(event).__mro__
            for handle, number in list(self._subscribed.get(kind, {}).items())
        ]
        for _, handle in sorted(found):
            self._call(handle, event)

    def _call(self, handle: Handle, *args: object) -> Task[None] | None:
        """Begin a call in a task of its own."""
        if handle.cancelled or self._crew is None:
            return None
        task = self._crew.spawn(handle.place, handle.call, args)
        task.name = f"{handle.name}-{task.id}"
        return task

    def _arm(self, timer: tuple[float, int, Handle]) -> None:
        heappush(self._timers, timer)

    def _tidy(self, handle: Handle) -> None:
        """Drop the cancelled timers once they are the half: timeouts mostly are."""
        self._stale += 1
        if 2 * self._stale > len(self._timers):
            self._timers = [timer for timer in self._timers if not timer[2].cancelled]
            heapify(self._timers)
            self._stale = 0

    def _watch(self, watch: tuple[Handle, int | HasFileno]) -> None:
        handle, fd = watch
        if not handle.cancelled:
            self._watches[handle] = fd
            self._start_watching(handle)

    def _start_watching(self, handle: Handle) -> None:
        assert self._crew is not None
        task = self._crew.spawn(handle.place, self._watching, (handle, self._watches[handle]))
        task.name = f"watch of {handle.name}-{task.id}"
        self._watchers[handle] = task

    def _watching(self, handle: Handle, fd: int | HasFileno) -> None:
        """Call, and call again; a task for each watch."""
        try:
            while not handle.cancelled:
                wait_readable(descriptor_of(fd))
                # Not in this task: whoever ends the watch must not cut the call short.
                call = self._call(handle)
                if call is not None:
                    call.join()
        except Exception as error:
            if not handle.cancelled:
                handle.cancel()
                error.add_note(f"on_readable({fd!r}, ...): cancel its handle before you close it")
                raise

    def _unwatch(self, handle: Handle) -> None:
        self._watches.pop(handle, None)
        watcher = self._watchers.pop(handle, None)
        if watcher is not None:
            watcher.cancel("its handle was cancelled")

    def _stop(self, run: int) -> None:
        # One stop() too many shall not stop the next run.
        self._stopped = run == self._runs

    def _later(self, act: Callable[[Handle], None]) -> Callable[[Handle], None]:
        """A function for any thread that has run() do it."""
        return lambda handle: self._entries.put_nowait((act, handle))


def join(crew: Crew) -> None:
    while (task := crew.oldest()) is not None:
        task.join()


def descriptor_of(fd: int | HasFileno) -> int:
    """Asked anew for each wait: a socket that was closed has none any more."""
    number = fd if isinstance(fd, int) else getattr(fd, "fileno", lambda: None)()
    if not isinstance(number, int):
        raise TypeError(f"a descriptor is an int, or has a fileno(); got {fd!r}")
    if number < 0:
        raise ValueError(f"{fd!r} is closed: it has no descriptor")
    return number
