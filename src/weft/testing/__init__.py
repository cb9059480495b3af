"""For tests of programs that run on weft: time that jumps, schedules that repeat, leaks that fail.

docs/testing.md shows all of it; the pytest plugin is in ``weft.testing.pytest_plugin``.
"""

from weft._errors import ScheduleFailed
from weft.testing._clock import Clock, virtual_time
from weft.testing._explore import explore
from weft.testing._leaks import no_leaks
from weft.testing._schedule import schedule

__all__ = ["Clock", "ScheduleFailed", "explore", "no_leaks", "schedule", "virtual_time"]
