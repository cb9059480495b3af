"""Lets the tests of the lesson, here and beside those with real servers, import ``running``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
