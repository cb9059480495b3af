"""``weft run``: patch the stdlib, then run a program as ``__main__``, as python does."""

from weft.cli._parser import make_parser

DESCRIPTION = """\
Patches the stdlib, then runs a program as python would.

  prog.py     the program: a file, or a directory or zip file with a __main__.py
  -m module   run a module or package instead, found on sys.path
  argument    all that follows is the program's
"""

EXAMPLES = """\
examples:
  weft run crawl.py --depth 3 https://example.org
  weft run -m flask --app shop run
  weft run app/

environment:
  WEFT_TRACEBACK=full   show weft's own frames too when the program ends with an exception

signals:
  SIGUSR1               print what every task does, and where, to stderr; unless the program
                        handles it
"""


def main(words: list[str]) -> int:
    """Patch, then run.

    Args:
      words: the command line after ``weft run``.

    Returns:
      0, when the program ran to its end.

    Raises:
      SystemExit: wrong usage, status 2.
      BaseException: whatever the program raises.
    """
    usage = "weft run [options] (prog.py | -m module) [argument ...]"
    parser = make_parser("weft run", usage, DESCRIPTION, EXAMPLES)
    own, program, is_module = split(words)
    parser.parse_args(own)
    if not program:
        parser.error("name a program, or a module after -m")

    import weft.patch

    weft.patch.all()

    from weft.inspect._signal import dump_on_signal

    dump_on_signal()

    # Not earlier: the launcher imports more than may be imported before the patch.
    from weft.cli import launch

    if is_module:
        launch.run_module(program[0], program[1:])
    else:
        launch.run_path(program[0], program[1:])
    return 0


def split(words: list[str]) -> tuple[list[str], list[str], bool]:
    """Tell weft's own options from the program and its arguments, as python does.

    argparse cannot: it looks for options, and for ``--``, in all of the line.

    Returns:
      weft's options; the program or module and its arguments; whether it is a module.
    """
    for index, word in enumerate(words):
        if word in ("-m", "--"):
            return words[:index], words[index + 1 :], word == "-m"
        if not word.startswith("-"):
            return words[:index], words[index:], False
    return words, [], False
