"""The Python snippets of the services' pages run as they stand, in both ways, on real servers.

A snippet finds its server in ``os.environ``, as ``WEFT_MYSQL_URL`` for one; what a page names so
is started for it.
"""

from pathlib import Path

import pytest
from services import SERVICES
from snippets import pages, snippets


@pytest.mark.parametrize("page", pages(served=True), ids=lambda page: page.name)
def test_snippets_run(
    request: pytest.FixtureRequest, run, way: str, tmp_path: Path, page: Path
) -> None:
    program = tmp_path / f"{page.stem}_snippets.py"
    program.write_text(snippets(page))
    named = [name for name, kind in SERVICES.items() if kind.variable in program.read_text()]
    assert named, f"{page.name} uses none of {[kind.variable for kind in SERVICES.values()]}"
    for name in named:
        request.getfixturevalue("redis_server" if name == "redis" else name)
    run(way, program)
