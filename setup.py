"""Builds the native core: every ``src/weft/_core/*.pyx`` becomes one extension module.

Everything that is not about compiling stands in ``pyproject.toml``.

``WEFT_DEBUG=1`` in the environment makes the debug build: the C macro ``WEFT_DEBUG`` is 1 (else
0), for the core's counters and checks, and the objects carry what valgrind and gdb want to see.
"""

import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
DEBUG = os.environ.get("WEFT_DEBUG", "0") not in ("", "0")
# A debug object must never be taken for an up-to-date release one: each kind has its own tree.
BUILD_BASE = "build/debug" if DEBUG else "build/release"
# What Cython writes is the same for both kinds, since the macro is read by the C compiler.
GENERATED = "build/cython"
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "auto_pickle": False,
    "embedsignature": True,
    "embedsignature.format": "python",
}

NO_COMPILER = """
weft's core is native code, and this machine has no C compiler that works: {why}

  Debian, Ubuntu:  apt install gcc python3-dev
  Fedora, RHEL:    dnf install gcc python3-devel
  Alpine:          apk add gcc musl-dev linux-headers python3-dev
  macOS:           xcode-select --install
"""

NO_HEADERS = """
weft's core is native code, and {compiler} found no Python.h for {python}.

  Debian, Ubuntu:  apt install python3-dev
  Fedora, RHEL:    dnf install python3-devel
  Alpine:          apk add python3-dev musl-dev
"""


def extensions() -> list[Extension]:
    """One extension per ``.pyx`` file, in a fixed order."""
    flags = ["-O1", "-g"] if DEBUG else ["-O2", "-g0"]
    # A cleanup in _hub.pyx must run when pthread_exit unwinds a stack; it costs nothing otherwise.
    flags.append("-fexceptions")
    # greenlet.h and Cython leave variables that nothing uses, which is not for users to read.
    # Objects pass as PyObject where greenlet and CPython say PyGreenlet and PyFrameObject: an error
    # from gcc 14 on.
    flags += ["-Wno-unused-variable", "-Wno-unused-but-set-variable"]
    flags += ["-Wno-incompatible-pointer-types"]
    # A constant that does not fit is a wrong one: ten seconds were once 1.4.
    flags.append("-Werror=overflow")
    if sys.platform == "linux":
        # The core is loaded with the program's first import, so its few thread-local words find
        # room in the static block, where reading one costs no call.
        flags.append("-ftls-model=initial-exec")
    return [
        Extension(
            f"weft._core.{path.stem}",
            [f"src/weft/_core/{path.name}"],
            define_macros=[("WEFT_DEBUG", str(int(DEBUG)))],
            extra_compile_args=flags,
        )
        for path in sorted((ROOT / "src/weft/_core").glob("*.pyx"))
    ]


def greenlet_include_dirs() -> list[str]:
    """Where ``greenlet.h`` and ``greenlet/greenlet.h`` are found.

    The header lies inside the installed package; some distributions put it only among Python's own
    headers, as ``greenlet/greenlet.h``.
    """
    import greenlet

    package = Path(greenlet.__file__).parent
    headers = Path(sysconfig.get_path("include"), "greenlet")
    return [str(directory) for found in (package, headers) for directory in (found, found.parent)]


def require_toolchain() -> None:
    """Compile three lines, and end the build with what to install when that fails."""
    compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    include = f"-I{sysconfig.get_path('include')}"
    with tempfile.TemporaryDirectory() as scratch:
        for program, message in (
            ("#include <stdlib.h>\n", NO_COMPILER),
            ("#include <Python.h>\n", NO_HEADERS),
        ):
            source = Path(scratch, "probe.c")
            source.write_text(program + "int probe(void) { return 0; }\n")
            command = [*compiler.split(), include, "-c", str(source), "-o", f"{source}.o"]
            why = failure(command)
            if why:
                raise SystemExit(message.format(why=why, compiler=compiler, python=sys.executable))


def failure(command: list[str]) -> str:
    """Run ``command``; the first line it complains with, or nothing when it succeeds."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return f"{command[0]} is not installed"
    if done.returncode == 0:
        return ""
    return (done.stderr.strip().splitlines() or [f"{command[0]} failed"])[0]


class BuildPython(build_py):
    """``build_py`` that puts the lesson's chapters where an installed ``weft lesson`` finds them.

    As data: they are programs, and belong to no package of the source tree.
    """

    def chapters(self) -> dict[str, str]:
        """Where each comes from, by where it goes."""
        place = Path(self.build_lib, "weft/cli/chapters")
        found = sorted((ROOT / "examples/lesson").glob("[0-9][0-9]_*.py"))
        return {str(place / path.name): str(path) for path in found}

    def run(self) -> None:
        super().run()
        # In a checkout, which an editable install uses, they are found where they are.
        if not self.editable_mode:
            for goal, path in self.chapters().items():
                self.mkpath(os.path.dirname(goal))
                self.copy_file(path, goal)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        ours = [] if self.editable_mode else list(self.chapters())
        return [*super().get_outputs(include_bytecode), *ours]


class BuildNative(build_ext):
    """``build_ext`` that runs Cython when it runs: an sdist or metadata needs no compiler."""

    def finalize_options(self) -> None:
        super().finalize_options()
        if self.editable_mode:
            # By default a scratch directory: every editable install would compile all over.
            self.build_lib = f"{BUILD_BASE}/lib.{self.plat_name}-{sys.implementation.cache_tag}"

    def run(self) -> None:
        from Cython.Build import cythonize

        require_toolchain()
        include_dirs = greenlet_include_dirs()
        for module in self.extensions:
            module.include_dirs = include_dirs
        # Where processes are not forked (macOS), a pool would run this file again in each.
        nthreads = 2 if sys.platform == "linux" else 0
        translated = cythonize(
            self.extensions,
            build_dir=GENERATED,
            compiler_directives=DIRECTIVES,
            nthreads=nthreads,
        )
        for module, c_module in zip(self.extensions, translated, strict=True):
            module.sources = c_module.sources
            # Its flags stand in this file.
            module.depends = [*c_module.depends, "setup.py"]
        super().run()


setup(
    ext_modules=extensions(),
    cmdclass={"build_ext": BuildNative, "build_py": BuildPython},
    options={"build": {"build_base": BUILD_BASE}, "build_ext": {"parallel": 2}},
)
