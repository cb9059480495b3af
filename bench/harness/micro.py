"""The small works, each in a fresh process on one core, and the cost of importing."""

from __future__ import annotations

from pathlib import Path

from harness.environment import Environment
from harness.figures import Figures, Sample
from harness.peers import ENGINES, MODULES, Engine, Module
from harness.processes import Broken, Cores, cost_of, run_json
from harness.rounds import Measure, interleave
from harness.settings import WORKS, Settings, Work

LONGEST = 60  # seconds one work may take


def measure_works(figures: Figures, environment: Environment, cores: Cores, plan: Settings) -> None:
    for name, work in WORKS.items():
        if name not in plan.only:
            continue
        measures = {
            engine.name: work_measure(engine, environment.python, cores, name, work, plan)
            for engine in ENGINES
            if plan.wants(engine.name) and not missing(engine.name, environment)
        }
        interleave(figures, name, measures, plan.rounds_of_work(work))


def missing(name: str, environment: Environment) -> bool:
    return name.startswith("weft") and environment.weft_absent is not None


def work_measure(
    engine: Engine, python: Path, cores: Cores, name: str, work: Work, plan: Settings
) -> Measure:
    count = plan.count_of(work, engine.name == "OS threads")
    command = engine.command(python, name, count)

    def measure() -> Sample | None:
        if command is None:
            return None
        sample = run_json(command, cores.measured, LONGEST)
        return None if "absent" in sample else sample

    return measure


def measure_imports(
    figures: Figures, environment: Environment, cores: Cores, plan: Settings
) -> None:
    """A process that imports one module, less one that imports nothing, in the same round."""
    bare = Bare(environment.python, cores)
    measures = {
        module.name: import_measure(module, environment.python, cores, bare)
        for module in MODULES
        if plan.wants(module.name) and not missing(module.name, environment)
    }
    for measure in measures.values():  # from the disk once, before it counts
        try:
            measure()
        except Broken:
            pass  # told below, when it counts
    interleave(figures, "import", {"bare": bare.measure, **measures}, plan.import_rounds)
    figures.works["import"].pop("bare")


class Bare:
    """An interpreter that starts and ends; measured anew at the beginning of each round."""

    def __init__(self, python: Path, cores: Cores) -> None:
        self._command = [str(python), "-I", "-c", "pass"]
        self._core = cores.measured
        self.cpu_ms, self.wall_ms = cost_of(self._command, self._core)

    def measure(self) -> Sample:
        self.cpu_ms, self.wall_ms = cost_of(self._command, self._core)
        return {"cpu_ms": self.cpu_ms, "wall_ms": self.wall_ms}


def import_measure(module: Module, python: Path, cores: Cores, bare: Bare) -> Measure:
    def measure() -> Sample:
        cpu, wall = cost_of([str(python), "-I", "-c", module.statement], cores.measured)
        return {"cpu_ms": cpu - bare.cpu_ms, "wall_ms": wall - bare.wall_ms}

    return measure
