"""What every task of the process does at this moment, and why nothing moves.

``dump()`` prints all tasks with their stacks and what they wait for;
``find_cycles()`` finds tasks that wait for one another. When nothing can run
any more at all, the main task gets the same as the text of ``weft.Deadlock``.

``watch_stalls()`` has a task that holds its hub, so that no other can run, logged.

Nothing here parks or makes a hub: it may be called from any task, thread or
signal handler. Under ``weft run``, ``kill -USR1`` prints a dump to stderr.

Example:
  >>> import weft.inspect
  >>> text = weft.inspect.report()
"""

from weft.inspect._cycles import Link, find_cycles
from weft.inspect._report import dump, report
from weft.inspect._stall import watch_stalls

__all__ = ["Link", "dump", "find_cycles", "report", "watch_stalls"]
