"""Seeded schedules: which ready task runs next is random, and the same for the same seed."""

from collections.abc import Iterator
from contextlib import contextmanager

from weft.testing import _standins
from weft.testing._clock import Clock
from weft.testing._seeded import aside, seeded


@contextmanager
def schedule(seed: int) -> Iterator[Clock]:
    """A ``with`` block in which ``seed`` decides which of the ready tasks runs next.

    The running task may lose its turn at every operation that could park,
    even if it need not. The same program and seed give the same order, in
    every process: the block has a virtual clock (:func:`virtual_time`), which
    starts at 100,000 seconds and on 1 January 2000; the :mod:`random` module
    is seeded too; and no garbage is collected meanwhile but by ``gc.collect``.
    What comes from outside (sockets, threads, the order of a set) is not decided.

    Args:
      seed: any integer; its lowest 64 bits count.

    Raises:
      TaskError: there is a virtual clock already, in this thread or another.

    Parks: as it begins, if the hub has chores to do. Threads: any, one at a time.

    Example:
      >>> import weft
      >>> from weft.testing import schedule
      >>> def order(seed):
      ...     with schedule(seed):
      ...         seen = []
      ...         weft.joinall([weft.spawn(seen.append, n) for n in range(5)])
      ...         return seen
      >>> order(1) == order(1), order(1) == order(3)
      (True, False)
    """
    with aside(), _standins.in_place(), seeded(seed):
        yield Clock()
