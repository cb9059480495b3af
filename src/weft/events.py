"""The event-driven model: an event queue, handlers by event type, and a loop that calls them.

A handler that blocks holds up nobody: each call is a task.

Example:
  >>> from weft import events
  >>> class Click:
  ...     def __init__(self, x, y):
  ...         self.x, self.y = x, y
  >>> loop = events.Loop()
  >>> handle = loop.subscribe(Click, lambda click: print("clicked at", click.x, click.y))
  >>> loop.publish(Click(3, 4))
  >>> loop.stop()
  >>> loop.run()
  clicked at 3 4
"""

from weft._events import Handle, Loop

__all__ = ["Handle", "Loop"]
