"""``fleet status`` and ``fleet watch``: how far a job is."""

import time
from collections import Counter

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from fleet.errors import FleetError
from fleet.jobs import Job
from fleet.services import Services

LOOK = 0.2  # seconds between two looks


def count(services: Services, job: Job) -> Counter[str]:
    """How many hosts are in each state: queued, running, ok, failed."""
    states = services.live.states(job.number)
    if len(states) < job.hosts:  # what was live has been lost; what has ended has not
        states |= {result.host: result.state for result in services.store.results(job.number)}
    counts = Counter(states.values())
    counts["queued"] = job.hosts - sum(counts[state] for state in ("running", "ok", "failed"))
    return counts


def describe(counts: Counter[str]) -> str:
    if not counts["running"] + counts["ok"] + counts["failed"]:
        return "waits for a worker"
    shown = ("ok", "failed", "running", "queued")
    return ", ".join(f"{counts[state]} {state}" for state in shown if counts[state])


def show(services: Services, number: int, follow: bool) -> int:
    """Draw a job's bar, until it is done if ``follow``, then what came of each host.

    Returns:
      The exit status: 1 if a host has failed.
    """
    job = services.store.job(number)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, TimeElapsedColumn(), console=Console(soft_wrap=True)) as progress:
        bar = progress.add_task("", total=job.hosts)
        while True:
            counts = count(services, job)
            ended = counts["ok"] + counts["failed"]
            progress.update(bar, completed=ended, description=f"job {number}: {describe(counts)}")
            if ended == job.hosts or not follow:
                break
            time.sleep(LOOK)
    for result in services.store.results(number):
        print(f"{result}  {result.output.strip().partition(chr(10))[0]}")
    return 1 if counts["failed"] else 0


def show_host(services: Services, number: int, host: str) -> int:
    """Print all that is known about one host of a job; the exit status is 1 if it has failed."""
    job = services.store.job(number)
    result = services.store.find(number, host.lower())
    if result:
        print(f"{result}  ({services.facts.get(result.host) or 'facts unknown'})")
        print(f"$ {job.command}\n{result.output.rstrip()}")
        return 0 if result.status == 0 else 1
    state = services.live.states(number).get(host.lower())
    if not state:
        raise FleetError(f"job {number} has no host {host!r}")
    print(f"{host.lower()}: {state}")
    return 0
