# cython: binding=False
"""Task groups: tasks that end before their block does.

Owns: the unfinished tasks of a block and what they failed with. Must not know:
timeouts, the poller. The block's task parks in ``__exit__`` until the last
child ends, which wakes it; ``spawn`` parks while there is a limit and it is
reached, and a child that ends hands its place to the first who waits.

It behaves as asyncio.TaskGroup: the first failure cancels the other children
and the block, and the block raises what failed as an ExceptionGroup.
"""

from operator import index

cimport cython

from weft._core._api cimport spawn_task
from weft._core._hub cimport Hub, get_hub, in_collection
from weft._core._scope cimport withdraw_request
from weft._core._sys cimport forever
from weft._core._task cimport DONE, Task, brief, caller_name, caller_place
from weft._core._waitlist cimport list_init, node_append, node_linked, node_unlink
from weft._core._waits cimport put_back, wake_first

from weft._errors import Cancelled, TaskError


@cython.final
cdef class _Stop(Canceller):
    """What a group asks of its children; shields of theirs hold it back."""
    cdef Group group

    cdef object exception(self):
        return self.group.made_cancelled()


@cython.final
cdef class Group(Canceller):
    """A block's tasks; made by :func:`group`."""

    def __cinit__(self):
        list_init(&self.leaving)
        list_init(&self.wanting)
        self.children = {}
        self.errors = []

    def __init__(self, *args, **kwargs):
        raise TypeError("a Group is made by weft.group()")

    def spawn(self, fn, /, *args, **kwargs):
        """Start ``fn(*args, **kwargs)`` as a task of the group; as :func:`weft.spawn`.

        A child may spawn into its group too. In a group that is being cancelled the
        task is cancelled before it starts.

        Returns:
          The :class:`weft.Task`.

        Raises:
          TaskError: the block has not been entered yet, or has been left.
          Cancelled: while it waited for a place.

        Parks: while the group has a limit and it is reached. Woken by: the end of a child.
        Threads: any; the task belongs to the calling thread.
        """
        cdef Task task
        require_open(self)
        if self.limit and not self.stopping:
            self.take_place()
        try:
            require_open(self)
            task = spawn_task(fn, args, kwargs, None, None)
        except BaseException:
            self.give_place()
            raise
        task.group = self
        self.children[task] = None
        if self.stopping:
            task.cancel_with(self.stop_request)
        return task

    def cancel(self, msg=None):
        """Cancel every task of the group, and its block, which is then left without an error.

        Parks: never. Threads: any.
        """
        if self.host is None or self.stopping:
            return
        self.reason = f"{self.name} was cancelled" if msg is None else str(msg)
        self.by = caller_name()
        self.by_place = caller_place()
        self.stop()

    @property
    def name(self):
        """The name it was given, or where it was made, as ``"the group at file.py:3 in main"``."""
        if self.given_name is not None:
            return f"group {self.given_name!r}"
        probe = Cancelled()
        probe.where = self.place
        return f"the group at {probe.place}" if self.place is not None else "the group"

    @property
    def tasks(self):
        """Its unfinished tasks, oldest first."""
        return list(self.children)

    def __enter__(self):
        cdef Task me = get_hub().current
        if self.used:
            raise TaskError(f"{self.name} has been entered before; make another one for each block")
        if me is None:
            raise TaskError("a group needs a task; this code runs in the hub")
        self.used = True
        self.host = me
        self.depth = me.shields
        return self

    def __exit__(self, kind, exc, traceback):
        cdef Task me = get_hub().current
        if self.host is None or me is not self.host:
            raise TaskError(f"{self.name} must be left by the task that entered it, once")
        # From here on the block is being left, and need not be asked to stop.
        self.ending = True
        if self.requested:
            withdraw_request(me, self, self.cancelled)
        if exc is not None:
            self.cause = exc
            self.stop()
        interrupt = join_children(self, me, exc is not None)
        if interrupt is None and exc is not None and exc is not self.cancelled:
            interrupt = exc
        # Exceptions know the group, and their tracebacks every frame they came through.
        self.host = self.culprit = self.stop_request = self.cancelled = self.cause = None
        if self.errors and interrupt is not exc and isinstance(interrupt, Cancelled):
            # What failed is raised in its place; nobody has seen it yet, so it is still due.
            put_back(me, interrupt)
        return conclude(self, interrupt, exc)

    def __repr__(self):
        state = ("new" if not self.used else "closed" if self.host is None
                 else "cancelled" if self.stopping else "open")
        return f"<weft.Group {self.name}: {state}, {len(self.children)} tasks>"

    cdef int take_place(self) except -1:
        cdef Hub hub
        cdef Task me
        if self.taken < self.limit:
            self.taken += 1
            return 0
        hub = get_hub()
        me = hub.current
        hub.may_park(me, True)
        me.value = None
        if self.taken < self.limit:
            self.taken += 1
            return 0
        node_append(&self.wanting, &me.node)
        try:
            hub.park("place in group", self, forever(), True)
        except BaseException:
            if me.value is self:
                self.give_place()
            raise
        finally:
            if node_linked(&me.node):
                node_unlink(&me.node)
            me.value = None
        return 0

    cdef void give_place(self) noexcept:
        if self.taken and wake_first(&self.wanting, self) is None:
            self.taken -= 1

    cdef void child_done(self, Task child) noexcept:
        """``child`` has ended, or never will: its thread has ended, or it was left by a fork."""
        self.children.pop(child, None)
        self.give_place()
        if child.state == DONE and child.failed and not isinstance(child.value, Cancelled):
            self.errors.append(child.value)
            if self.culprit is None:
                self.culprit = child
            self.stop()
        if not self.children:
            wake_first(&self.leaving, None)

    cdef void stop(self) noexcept:
        """Ask every child, and the block if it still runs, to stop; once."""
        # Made first: until 3.11 an allocation may let others run, who spawn, or stop it too.
        cdef _Stop request = _Stop.__new__(_Stop)
        request.group = self
        if self.stopping:
            return
        self.stopping = True
        self.stop_request = request
        # A copy: who spawns from here on sees that it is stopping.
        for child in list(self.children):
            (<Task>child).cancel_with(request)
        # Who waits for a place need not: their task will not run.
        while wake_first(&self.wanting, self) is not None:
            self.taken += 1
        if not self.ending:
            self.requested = True
            self.host.cancel_with(self)

    cdef object exception(self):
        """For the host; the same again if it was put back before it was seen."""
        if self.cancelled is None:
            self.cancelled = self.made_cancelled()
            self.cancelled.scope = self
        return self.cancelled

    cdef object made_cancelled(self):
        cdef Task culprit = self.culprit
        if self.reason is not None:
            exc = Cancelled(self.reason)
            exc.by = self.by
            exc.where = self.by_place
        elif culprit is not None:
            exc = Cancelled(f"task {culprit.name!r} of {self.name} failed: {brief(culprit.value)}")
        else:
            exc = Cancelled(f"the block of {self.name} ended: {brief(self.cause)}")
        return exc

    cdef int wait_for_children(self, Task me) except -1:
        cdef Hub hub = get_hub()
        hub.may_park(me, True)
        if self.children:
            node_append(&self.leaving, &me.node)
            try:
                hub.park("group", self, forever(), True)
            finally:
                if node_linked(&me.node):
                    node_unlink(&me.node)
        return 0


cdef int require_open(Group self) except -1:
    if self.host is None:
        raise TaskError(
            f"cannot spawn into {self.name}: its block " + (
                "has ended; spawn before that, or with weft.spawn()" if self.used else
                "has not begun; write `with weft.group() as g:` and spawn inside"))
    return 0


cdef object join_children(Group self, Task me, bint shielded):
    """Wait until the last child has ended, whatever comes; the exception that came, or None.

    Once its children are being cancelled, because the block raised or the wait did, that is not
    cut short: a second cancellation would stand in the way of the first. Only in a garbage
    collection, which ends the block of an abandoned generator, is there no waiting.
    """
    interrupt = None
    me.shields += shielded
    while self.children:
        try:
            self.wait_for_children(me)
        except BaseException as caught:
            interrupt = self.cause = caught
            self.stop()
            me.shields += not shielded
            shielded = True
            if in_collection():
                break
    me.shields -= shielded
    return interrupt


cdef object conclude(Group self, object interrupt, object exc):
    """Raise what the block ends with; True if ``exc`` is to be swallowed, False if it passes on."""
    cdef list errors = self.errors
    self.errors = []
    for each in (*errors, interrupt):
        if isinstance(each, (SystemExit, KeyboardInterrupt)):
            if each is exc:
                return False
            raise each
    if interrupt is not None and not isinstance(interrupt, Cancelled):
        errors.append(interrupt)
    if errors:
        raise BaseExceptionGroup(f"{self.name}: {len(errors)} failed", errors) from None
    if interrupt is None:
        return exc is not None           # its own request, if any
    if interrupt is exc:
        return False
    raise interrupt


cpdef Py_ssize_t check_count(str rule, object given) except -1:
    """``given``, a whole number from 1 up; anything else raises an error that says ``rule``."""
    try:
        number = index(given)
    except TypeError:
        raise TypeError(f"{rule}, got {given!r}") from None
    if number < 1:
        raise ValueError(f"{rule}, got {given!r}")
    return number


def group(limit=None, name=None):
    """A block whose tasks all end before it does: ``with weft.group() as g: g.spawn(fn, ...)``.

    The first task that fails cancels the others, and the block; a failing block
    cancels its tasks. Groups nest.

    Args:
      limit: how many of its tasks may run at once; None for any number.
      name: for reports; by default the place where it is made.

    Returns:
      A :class:`Group` to enter, with ``spawn(fn, ...)``, ``cancel(msg)`` and ``tasks``.

    Raises:
      ExceptionGroup: by the block, with all that failed: its tasks, and the block's own code.
      Cancelled: by the block, once its tasks have ended, if nothing failed.
      TypeError: ``limit`` is no integer.
      ValueError: ``limit`` is less than 1.

    Parks: at the block's end, while a task is unfinished. Woken by: the end of the last one.
    Threads: any; left by the task that entered it.

    Example:
      >>> import weft
      >>> with weft.group() as g:
      ...     pages = [g.spawn(len, word) for word in ("warp", "weft!")]
      >>> [page.result() for page in pages]
      [4, 5]
    """
    cdef Group made
    made = Group.__new__(Group)
    if limit is not None:
        made.limit = check_count("limit is how many tasks may run at once, at least 1", limit)
    made.given_name = name
    made.place = caller_place()
    return made
