"""Real servers on the driver's core, and their clients on the measured one."""

from __future__ import annotations

import sys
from pathlib import Path

from harness.environment import Environment, say
from harness.figures import Figures, Sample
from harness.micro import LONGEST, missing
from harness.paths import BUILD, TOOLS
from harness.peers import CLIENTS, Client
from harness.processes import Cores, on_core, run_json
from harness.rounds import Measure, interleave
from harness.settings import SERVICE_WORKS, Settings, Work

sys.path.append(str(TOOLS))

from services import SERVICES, Service, ServiceError


def measure_services(
    figures: Figures, environment: Environment, cores: Cores, plan: Settings
) -> None:
    """The works that need a server; one that cannot be had is noted."""
    for name, work in SERVICE_WORKS.items():
        if name not in plan.only:
            continue
        service = SERVICES[work.service](BUILD / "services")
        try:
            # What it starts stays on that core, also what it starts later.
            with on_core(cores.driver):
                service.start()
            measure_clients(figures, environment, cores, plan, name, service)
        except ServiceError as error:
            figures.notes.append(f"{name} was not measured: {str(error).splitlines()[0]}")
            say(str(error))
        finally:
            service.stop()


def measure_clients(
    figures: Figures,
    environment: Environment,
    cores: Cores,
    plan: Settings,
    name: str,
    service: Service,
) -> None:
    work = SERVICE_WORKS[name]
    measures = {
        client.name: client_measure(client, environment.python, cores, name, work, plan, service)
        for client in CLIENTS
        if plan.wants(client.name) and not missing(client.name, environment)
    }
    interleave(figures, name, measures, plan.rounds)


def client_measure(
    client: Client,
    python: Path,
    cores: Cores,
    name: str,
    work: Work,
    plan: Settings,
    service: Service,
) -> Measure:
    count = plan.count_of(work, client.name == "OS threads")
    command = [*client.command(python), name, str(count), str(service.port)]

    def measure() -> Sample:
        return run_json(command, cores.measured, LONGEST)

    return measure
