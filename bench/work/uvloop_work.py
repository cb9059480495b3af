"""asyncio's works on uvloop."""

from __future__ import annotations

import uvloop
from asyncio_work import run_all

run_all(uvloop.run)
