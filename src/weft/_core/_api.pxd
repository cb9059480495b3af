"""Spawning, for what the core builds on it; see _api.pyx."""

from weft._core._task cimport Task

cdef Task spawn_task(object fn, tuple args, dict kwargs, object context, object name)
