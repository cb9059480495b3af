"""Keeps CPython's tests out of ours."""

collect_ignore = ["extra", "fakes"]
