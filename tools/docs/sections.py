"""weft's docstrings as reStructuredText: Google's sections, and Parks, Woken by and Threads.

``Args:`` and its kin stand on a line of their own, with what belongs to them indented below.
The three of ours are sentences of one paragraph: ``Parks: always. Woken by: the timer.``
"""

import re
from collections.abc import Iterable, Iterator

# A section's heading -> the field that each of its entries, or all of its text, becomes.
ENTRIES = {"Args:": "param", "Attributes:": "var", "Raises:": "raises"}
TEXTS = {"Returns:": "Returns", "Yields:": "Yields"}
OURS = re.compile(r"\b(Parks|Woken by|Threads): ")
# Notes for those who change a module, at the head of its docstring.
NOTES = re.compile(r"\b(Owns|Must not know)\b[^.]*\.\s*|^PYTEST_DONT_REWRITE:.*", re.DOTALL)


def to_rest(text: str) -> list[str]:
    """The lines of a docstring, its sections as field lists and its examples as code."""
    lines = text.splitlines()
    return [line for block in blocks(lines) for line in [*convert(block), ""]]


def blocks(lines: Iterable[str]) -> Iterator[list[str]]:
    """The paragraphs of ``lines``; a section is one block, whatever it holds."""
    block: list[str] = []
    for line in lines:
        section = bool(block) and is_heading(block[0])
        if block and (line[:1].strip() if section else not line.strip()):
            yield block
            block = []
        if line.strip() or block:
            block.append(line)
    if block:
        yield block


def is_heading(line: str) -> bool:
    """Whether ``line`` begins a section."""
    return line.strip() in {*ENTRIES, *TEXTS, "Example:"}


def convert(block: list[str]) -> list[str]:
    """One block as reStructuredText."""
    heading, body = block[0].strip(), block[1:]
    if heading in ENTRIES:
        return [f":{ENTRIES[heading]} {name}: {text}" for name, text in entries(body)]
    if heading in TEXTS:
        return [f":{TEXTS[heading]}: {joined(body)}"]
    if heading == "Example:":
        return [".. rubric:: Example", "", *dedented(body)]
    if OURS.match(heading):
        return sentences(joined(block))
    return block


def entries(body: list[str]) -> Iterator[tuple[str, str]]:
    """Name and text of every ``name: text`` in a section, whose text may take several lines."""
    found: list[list[str]] = []
    for line in dedented(body):
        if line[:1].strip():
            found.append([line])
        elif line.strip():
            found[-1].append(line)
    for lines in found:
        name, _, text = joined(lines).partition(": ")
        yield name.lstrip("*").rstrip(":"), text


def sentences(text: str) -> list[str]:
    """``Parks: a. Threads: b.`` as two fields."""
    parts = OURS.split(text)[1:]
    return [f":{name}: {what.strip()}" for name, what in zip(parts[::2], parts[1::2], strict=True)]


def joined(lines: Iterable[str]) -> str:
    """All of ``lines`` on one."""
    return " ".join(line.strip() for line in lines if line.strip())


def dedented(lines: list[str]) -> list[str]:
    """``lines`` without the indent that all of them share."""
    indents = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
    return [line[min(indents, default=0) :] for line in lines]


def without_notes(text: str) -> str:
    """A module's docstring less the sentences on what it owns and must not know."""
    return "\n\n".join(filter(None, (NOTES.sub("", part) for part in text.split("\n\n"))))
