"""The ``weft`` command.

Before a program is patched as little as possible may be imported: whatever took a name out of
``socket`` or ``threading`` by then has the stdlib's. So a command's module is imported when it is
asked for, stays small, and imports what is dear inside its functions. ``argparse`` brings in
``gettext`` and ``locale``, nothing more.
"""

import argparse
from importlib import import_module

from weft.cli._parser import make_parser

# Each has a module of its own name, with a function ``main(words)`` that returns the exit status.
COMMANDS = ("run", "doctor", "lesson")

EPILOG = """\
commands:
  run         run a program with the stdlib's blocking calls made cooperative
              (weft run --help says more)
  doctor      say what is patched, what came too late, and how installed packages wait
  lesson      list, show and run the chapters of the lesson: all of this from the beginning

examples:
  weft run prog.py --port 8080     run prog.py on weft; what follows it is the program's
  weft run -m http.server          run a module, as python -m does
  weft doctor prog.py              look at what prog.py imports, and whether it patches in time
  weft lesson 06                   run the sixth chapter of the lesson
  python -m weft run prog.py       the same command, with a Python of your choice
"""


class Version(argparse.Action):
    """``--version``: looks the number up only when asked, since that imports a lot."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        import platform
        from importlib.metadata import version

        python = f"{platform.python_implementation()} {platform.python_version()}"
        print(f"weft {version('weft')} (greenlet {version('greenlet')}, {python})")
        parser.exit()


def main(arguments: list[str] | None = None) -> int:
    """Run the ``weft`` command.

    Args:
      arguments: the words after ``weft``; ``sys.argv``'s when None.

    Returns:
      The exit status; ``weft run`` leaves with whatever its program raised instead.

    Raises:
      SystemExit: wrong usage (status 2), ``--help``, ``--version``, or the program's own.
    """
    usage = "weft [-h] [--version] command ..."
    parser = make_parser("weft", usage, "Runs plain blocking Python concurrently.", EPILOG)
    parser.add_argument("--version", action=Version, nargs=0, help="print the version and leave")
    # PARSER: one word and all that follows it, options too.
    parser.add_argument("command", nargs=argparse.PARSER, help=argparse.SUPPRESS)
    command, *words = parser.parse_args(arguments).command
    if command not in COMMANDS:
        parser.error(f"there is no command {command!r}, only {', '.join(COMMANDS)}")
    status: int = import_module(f"weft.cli.{command}").main(words)
    return status
