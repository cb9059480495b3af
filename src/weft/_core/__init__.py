"""The native core. :mod:`weft.lowlevel` documents what it offers."""

from weft._core import _stacks

_stacks.install()
