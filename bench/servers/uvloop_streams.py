"""uvloop under the asyncio streams server."""

from __future__ import annotations

import uvloop
from asyncio_streams import main

uvloop.run(main())
