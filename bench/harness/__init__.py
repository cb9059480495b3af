"""The parts of `make bench`; ``bench/run.py`` is the way in, ``bench/README.md`` the why."""
