"""``weft lesson``: the chapters of the lesson, listed, shown, or run."""

import errno
import sys
from typing import TYPE_CHECKING

from weft.cli._parser import make_parser

if TYPE_CHECKING:
    from weft.cli._chapters import Chapter

DESCRIPTION = """\
Lists the chapters of the lesson, from yield to event-driven servers, databases and SSH;
or runs one.

  chapter     its number, as 06, or the name of one of its programs, as 06_load
  word        what follows is the chapter's
"""

EXAMPLES = """\
examples:
  weft lesson
  weft lesson 06
  weft lesson 06 serve 8007
  weft lesson 06 --source

options:
  --source              print the chapter instead, in colours on a terminal if Pygments is
                        there: pip install 'weft[lesson]'

exit status:
  that of the chapter; 1 if something it needs is missing, 2 if there is no such chapter,
  130 after Ctrl-C
"""


def main(words: list[str]) -> int:
    """List the chapters, or show or run one.

    Args:
      words: the command line after ``weft lesson``.

    Returns:
      The exit status.

    Raises:
      SystemExit: wrong usage, status 2; or the chapter's own.
      BaseException: whatever the chapter raises, but for what can be said in a line.
    """
    parser = make_parser("weft lesson", "weft lesson [chapter [word ...]]", DESCRIPTION, EXAMPLES)
    parser.add_argument("chapter", nargs="?")
    shown = "--source" in words
    rest = [word for word in words if word != "--source"]
    name = parser.parse_args(rest[:1]).chapter

    try:
        from weft.cli import _chapters

        if name is None:
            print("\n".join(listed(_chapters.chapters())))
            return 0
        chapter = _chapters.find(name)
        if chapter is None:
            parser.error(f"there is no chapter {name!r}; `weft lesson` lists them")
        if shown:
            print(highlighted(chapter.source), end="")
            return 0
        return run(chapter, rest[1:])
    except KeyboardInterrupt:
        # While chapters are looked up, or a server is started or stopped.
        return say("interrupted", 130)


def listed(chapters: "list[Chapter]") -> list[str]:
    """A line a program; those after the first of a chapter go by their full names."""
    names: dict[str, Chapter] = {}
    for chapter in chapters:
        names[chapter.path.stem if chapter.number in names else chapter.number] = chapter
    return [
        f"{name:{max(map(len, names))}}  "
        f"{chapter.title[0]:{max(len(each.title[0]) for each in chapters)}}  "
        f"{chapter.title[1]}"
        for name, chapter in names.items()
    ]


def highlighted(source: str) -> str:
    """``source`` in colours, where they are seen and Pygments is installed."""
    import os

    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return source
    try:
        from pygments import highlight
        from pygments.formatters import TerminalFormatter
        from pygments.lexers import PythonLexer
    except ImportError:
        print("for colours: pip install 'weft[lesson]'", file=sys.stderr)
        return source
    return str(highlight(source, PythonLexer(), TerminalFormatter()))


def run(chapter: "Chapter", words: list[str]) -> int:
    """Run ``chapter`` as its docstring says, with the servers it needs; its status."""
    from weft.cli._servers import Missing, servers

    try:
        check_packages(chapter)
        with servers(chapter):
            return run_here(chapter, words)
    except Missing as error:
        return say(str(error), 1)


def check_packages(chapter: "Chapter") -> None:
    """Raises ``Missing`` if something is to be installed first."""
    from importlib.util import find_spec

    from weft.cli._servers import Missing

    missing = [name for name in chapter.packages if not find_spec(name.replace("-", "_").lower())]
    if missing:
        names = " ".join(missing)
        raise Missing(f"chapter {chapter.number} needs {names}: pip install {names}")


def run_here(chapter: "Chapter", words: list[str]) -> int:
    """Run ``chapter`` in this process, and leave no task behind."""
    from weft.cli import launch
    from weft.cli import run as weft_run

    path = str(chapter.path)
    try:
        if chapter.patched:
            weft_run.main([path, *words])
        else:
            launch.run_path(path, words)
    except KeyboardInterrupt:
        return say("interrupted", 130)
    except ConnectionRefusedError as error:
        return say(f"nobody listens there ({error.strerror}): start the server first", 1)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        return say(f"{error.strerror}: choose a port that is free", 1)
    except OverflowError as error:
        if not (words and words[-1].isdecimal()):
            raise
        return say(f"there is no port {words[-1]} ({error})", 1)
    finally:
        # They may use a server that ends next.
        end_tasks()
    return 0


def end_tasks() -> None:
    """Cancel the tasks the chapter left, and wait for them a while."""
    import weft

    left = [task for task in weft.tasks() if task is not weft.current()]
    for task in left:
        task.cancel("the chapter is over")
    weft.joinall(left, 5)


def say(text: str, status: int) -> int:
    print(f"weft lesson: {text}", file=sys.stderr)
    return status
