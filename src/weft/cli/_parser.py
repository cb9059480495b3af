"""How every command's parser is made."""

import argparse
from functools import partial

# Left to itself argparse asks shutil for the terminal width, which imports every compression
# module there is.
WIDTH = 90


def make_parser(prog: str, usage: str, description: str, epilog: str) -> argparse.ArgumentParser:
    """A parser that keeps the line breaks it is given and takes options spelt out in full."""
    return argparse.ArgumentParser(
        prog=prog,
        usage=usage,
        description=description,
        epilog=epilog,
        formatter_class=partial(argparse.RawDescriptionHelpFormatter, width=WIDTH),
        allow_abbrev=False,
    )
