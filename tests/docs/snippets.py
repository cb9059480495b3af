"""The Python snippets of the pages, and which pages want real servers."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
#: Run by tests/services: they find their servers in the environment, as programs there do.
SERVED = {
    "hosts.md",
    "memcached.md",
    "mysql.md",
    "postgresql.md",
    "queue.md",
    "rabbitmq.md",
    "redis.md",
    "ssh.md",
}


def snippets(page: Path) -> str:
    """Everything in the page's ``python`` blocks, as one program."""
    return "\n".join(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL))


def pages(*, served: bool) -> list[Path]:
    """The pages with snippets that want real servers, or those that do not."""
    return [page for page in PAGES if snippets(page) and (page.name in SERVED) == served]
