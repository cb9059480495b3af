"""``weft run``: patch the stdlib, then run a program as ``__main__``, as python does."""

import argparse

from weft.cli._parser import make_parser

# Options that take the next word with them.
VALUED = ("--preempt", "--stall")

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
  weft run "$(command -v waitress-serve)" shop:app
  weft run app/

options:
  --preempt 10ms        interrupt a task whose Python code computes for longer than that, where it
                        is safe, so that others can run (default: off; docs/stalls.md says why)
  --stall 1.0           log a warning when a task keeps all others from running for so many
                        seconds: which, where, and what to do; 0: never (default: 1.0)

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
    parser.add_argument("--stall", type=seconds, default=1.0, help=argparse.SUPPRESS)
    parser.add_argument("--preempt", type=seconds, default=0.0, help=argparse.SUPPRESS)
    own, program, is_module = split(words)
    options = parser.parse_args(own)
    if not program:
        parser.error("name a program, or a module after -m")

    import weft.patch

    weft.patch.all()

    from weft._core._preempt import preempt
    from weft.inspect._signal import dump_on_signal
    from weft.inspect._stall import watch_stalls

    dump_on_signal()
    watch_stalls(options.stall)
    preempt(options.preempt)

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
    index = 0
    while index < len(words):
        word = words[index]
        if word in ("-m", "--"):
            return words[:index], words[index + 1 :], word == "-m"
        if not word.startswith("-"):
            return words[:index], words[index:], False
        index += 2 if word in VALUED else 1
    return words, [], False


def seconds(text: str) -> float:
    """``"1.5"``, ``"2s"`` or ``"10ms"`` in seconds.

    Raises:
      argparse.ArgumentTypeError: it is none of these.
    """
    number, unit = (text[:-2], 0.001) if text.endswith("ms") else (text.removesuffix("s"), 1)
    try:
        value = float(number) * unit
    except ValueError:
        value = -1
    if not 0 <= value < 1e9:
        raise argparse.ArgumentTypeError(f'{text!r} is no time: write "1.5" (seconds) or "10ms"')
    return value
