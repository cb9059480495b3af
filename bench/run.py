"""weft beside its peers, side by side in one run: the program behind ``make bench``.

    python bench/run.py [--quick] [--only echo,spawn] [--rounds N] [--python PATH]

Makes its own environment in bench/.venv, builds the C programs and weft, and writes
bench/results/latest.md, .json and .png (only.* when --only, --peers or a cell was chosen).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import replace

from harness.echo import measure_echo, measure_idle
from harness.environment import Environment, Failed, machine, prepare, say
from harness.figures import Figures
from harness.micro import measure_imports, measure_works
from harness.paths import BENCH, RESULTS, ROOT
from harness.processes import pick_cores, raise_limits
from harness.report import page, targets_table
from harness.services import measure_services
from harness.settings import ALL_WORKS, CONNECTIONS, FULL, QUICK, SIZES, Settings


def words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def numbers(text: str) -> list[int]:
    return [int(word) for word in words(text)]


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure weft beside its peers.")
    parser.add_argument("--quick", action="store_true", help="about 4 minutes, rougher")
    parser.add_argument(
        "--only", type=words, metavar="WORKS", help=f"some of {','.join(ALL_WORKS)}"
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="interleaved rounds, N >= 1")
    parser.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="PATH",
        help="interpreter to measure with (given twice: the newest); default: this one",
    )
    parser.add_argument(
        "--peers", type=words, metavar="NAMES", help="those whose names hold a word, e.g. weft"
    )
    parser.add_argument("--connections", type=numbers, metavar="N,N", help="echo: only these")
    parser.add_argument("--sizes", type=numbers, metavar="B,B", help="echo: only these messages")
    parser.add_argument(
        "--realtime", action="store_true", help="ahead of all else on a busy machine; wants root"
    )
    arguments = parser.parse_args()
    unknown = set(arguments.only or ()) - set(ALL_WORKS)
    if unknown:
        parser.error(f"no such work: {', '.join(sorted(unknown))}")
    if arguments.rounds is not None and arguments.rounds < 1:
        parser.error("--rounds must be at least 1")
    return arguments


def settings(arguments: argparse.Namespace) -> Settings:
    plan = QUICK if arguments.quick else FULL
    if arguments.rounds:
        rounds = arguments.rounds
        plan = replace(plan, rounds=rounds, large_rounds=rounds)
    if arguments.only:
        plan = replace(plan, only=frozenset(arguments.only))
    if arguments.connections or arguments.sizes:
        cells = tuple(
            (connections, size)
            for size in arguments.sizes or SIZES
            for connections in arguments.connections or CONNECTIONS
        )
        plan = replace(plan, cells=cells, cell_rounds=plan.rounds, large_rounds=plan.rounds)
    return replace(plan, peers=tuple(arguments.peers or ()))


def measure(environment: Environment, plan: Settings) -> Figures:
    cores = pick_cores()
    raise_limits()
    figures = Figures(machine(environment.python), environment.versions)
    figures.machine["run"] = f"{plan.name}, {plan.rounds} rounds"
    if cores.measured == cores.driver:
        figures.notes.append("one core only: the server and the load took turns on it")
    if environment.weft_absent:
        figures.notes.append(f"weft was not measured: {environment.weft_absent}")
    before = os.getloadavg()[0]
    if "echo" in plan.only:
        measure_echo(figures, environment, cores, plan)
    measure_works(figures, environment, cores, plan)
    measure_services(figures, environment, cores, plan)
    if "idle" in plan.only:
        measure_idle(figures, environment, cores, plan)
    if "import" in plan.only:
        measure_imports(figures, environment, cores, plan)
    figures.machine["load average"] = f"{before:.1f} before, {os.getloadavg()[0]:.1f} after"
    return figures


def write(figures: Figures, environment: Environment, name: str) -> None:
    RESULTS.mkdir(exist_ok=True)
    data, text, plot = (RESULTS / f"{name}.{kind}" for kind in ("json", "md", "png"))
    data.write_text(json.dumps(figures.to_json(), indent=1) + "\n")
    text.write_text(page(figures))
    command = [str(environment.python), "-m", "harness.plot", str(data), str(plot)]
    subprocess.run(command, cwd=BENCH, check=True)
    say(f"wrote {text.relative_to(ROOT)}, .json and .png")


def main() -> int:
    arguments = read_arguments()
    plan = settings(arguments)
    try:
        environment = prepare(arguments.python)
    except Failed as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    if environment.weft_absent:
        say(f"peers only: {environment.weft_absent}")
    if arguments.realtime:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))  # those it starts inherit it
    figures = measure(environment, plan)
    figures.machine["run"] += ", real-time priority" if arguments.realtime else ""
    partial = arguments.only or arguments.peers or arguments.connections or arguments.sizes
    write(figures, environment, "only" if partial else "latest")
    print(page(figures) if partial else targets_table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
