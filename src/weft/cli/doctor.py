"""``weft doctor``: what is patched, what came too late, and how the installed packages wait."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from weft.cli._parser import WIDTH, make_parser

if TYPE_CHECKING:
    from weft.cli._imports import ImportPhase

DESCRIPTION = """\
Says what weft patches, what a program makes or takes before it is patched that could not
be repaired, and how the installed packages wait.

  prog.py     a program; its imports are run, and what they patch, but not its own work
"""

EXAMPLES = """\
examples:
  weft doctor
  weft doctor crawl.py

exit status:
  0 if all is well, 1 if something came too late or could not be imported
"""


def main(words: list[str]) -> int:
    """Look, and print what was found.

    Args:
      words: the command line after ``weft doctor``.

    Returns:
      0 if all is well, 1 if something came too late.

    Raises:
      SystemExit: wrong usage, or the program cannot be read: status 2.
    """
    parser = make_parser("weft doctor", "weft doctor [prog.py]", DESCRIPTION, EXAMPLES)
    parser.add_argument("program", nargs="?", metavar="prog.py")
    path = parser.parse_args(words).program

    from weft.cli._imports import ImportPhase

    phase = None
    if path:
        try:
            phase = ImportPhase(path)
        except (OSError, SyntaxError) as error:
            parser.error(f"cannot read {path}: {error}")
        from contextlib import redirect_stdout

        # What the program's modules print is not the report.
        with redirect_stdout(sys.stderr):
            phase.run()
    print("\n".join(patched_modules()))
    wrong = False
    if phase:
        late, others = too_late(phase), others_at_work()
        wrong = bool(late or phase.failed or others)
        print("\n".join(of_program(phase, late, others)))
    print("\n".join(of_packages()))
    return int(wrong)


def patched_modules() -> Iterator[str]:
    import platform

    import weft.patch

    python = f"{platform.python_implementation()} {platform.python_version()}"
    yield f"On {python}, weft run and weft.patch.all() patch:"
    yield folded(", ".join(sorted(weft.patch.MODULES)))


def too_late(phase: "ImportPhase") -> list[str]:
    """What the patch could not repair, and which import of the program brought it in."""
    from weft.patch import _registry

    found = []
    for each in _registry.left:
        if not each.module:
            found.append(str(each))
        elif each.module in phase.brought:
            line = phase.brought[each.module]
            found.append(f"{each}; imported at {phase.path}:{line}" if line else str(each))
    return found


def others_at_work() -> list[str]:
    """Those besides weft who have patched the stdlib."""
    marks = {
        "gevent": ("gevent.monkey", "saved"),
        "eventlet": ("eventlet.patcher", "already_patched"),
    }
    return [
        name
        for name, (module, mark) in marks.items()
        if getattr(sys.modules.get(module), mark, None)
    ]


def of_program(phase: "ImportPhase", late: list[str], others: list[str]) -> Iterator[str]:
    yield ""
    if phase.patched_at:
        yield f"{phase.path} patches at line {phase.patched_at}."
    else:
        yield f"{phase.path} does not patch; looked at as weft run starts it, patched before it."
    for line, error in phase.failed:
        yield folded(f"Line {line} could not be run: {type(error).__name__}: {error}", first="  ")
    for name in others:
        yield folded(
            f"{name} has patched the stdlib, too: two schedulers in one thread stop each other. "
            f"Start the program without {name}'s patch.",
            first="  ",
        )
    if not late:
        yield "  Nothing came too late."
        return
    yield "  Too late to repair:"
    for each in late:
        yield folded(each, first="  - ")
    yield folded(
        "Patch before these are imported: as the first statement of the program, or by "
        f"weft run {phase.path}",
        first="  ",
    )


def of_packages() -> Iterator[str]:
    from weft.cli._drivers import installed

    for group, entries in installed().items():
        if entries:
            yield f"\n{group}:"
        for name, text in entries:
            yield folded(f"{name}: {text}", first="  ")


def folded(text: str, first: str = "  ") -> str:
    import textwrap

    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=" " * len(first) + "    ",
        break_on_hyphens=False,
        break_long_words=False,
    )
