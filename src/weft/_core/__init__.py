"""The native core. :mod:`weft.lowlevel` documents what it offers."""
