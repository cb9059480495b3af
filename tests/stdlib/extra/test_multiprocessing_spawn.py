"""What CPython's module of this name holds, for installations that come without it."""

from test._test_multiprocessing import install_tests_in_module_dict

install_tests_in_module_dict(globals(), "spawn")
