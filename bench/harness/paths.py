"""Where the benchmark keeps things."""

from __future__ import annotations

from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
ROOT = BENCH.parent
SERVERS = BENCH / "servers"
WORK = BENCH / "work"
TOOLS = ROOT / "tools"
BUILD = BENCH / "build"
VENVS = BENCH / ".venv"
RESULTS = BENCH / "results"
REQUIREMENTS = BENCH / "requirements.txt"
