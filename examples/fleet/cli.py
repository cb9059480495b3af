"""The commands of fleet, and what is said when one cannot do its work."""

import argparse
import logging
import os
import sys
from pathlib import Path

from fleet.errors import FleetError, Unavailable, warn
from fleet.jobs import Task, parse_hosts
from fleet.services import Services


def run(services: Services, options: argparse.Namespace) -> int:
    """Queue a job."""
    if options.file:
        try:
            lines = Path(options.file).read_text().splitlines()
        except (OSError, ValueError) as error:
            raise FleetError(f"no hosts: {error}") from error
        hosts = parse_hosts(lines, options.file)
    else:
        hosts = parse_hosts(options.hosts.split(","), "--hosts")
    queue = services.queue
    job = services.store.new_job(options.command, hosts)
    services.live.begin(job.number, hosts)
    try:
        queue.put(Task(job.number, name, target, job.command) for name, target in hosts.items())
    except Unavailable as error:
        raise FleetError(f"{error}; not all of job {job.number} is queued") from error
    print(f"job {job.number}: {job.hosts} hosts queued", flush=True)
    return watch(services, argparse.Namespace(job=job.number)) if options.wait else 0


def worker(services: Services, options: argparse.Namespace) -> int:
    from fleet.worker import work

    work(services, options.limit, options.timeout, options.key)
    return 0


def status(services: Services, options: argparse.Namespace) -> int:
    from fleet.progress import show, show_host

    if options.host:
        return show_host(services, options.job, options.host)
    return show(services, options.job, follow=False)


def watch(services: Services, options: argparse.Namespace) -> int:
    from fleet.progress import show

    return show(services, options.job, follow=True)


def serve(services: Services, options: argparse.Namespace) -> int:
    from fleet.server import serve

    serve(services, options.port)
    return 0


def parse(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("fleet", description="Runs commands on many hosts, over SSH.")
    commands = parser.add_subparsers(required=True, metavar="command")

    one = commands.add_parser("run", help="queue a command for each of some hosts")
    one.set_defaults(function=run)
    one.add_argument("command", help="as a shell takes it")
    hosts = one.add_mutually_exclusive_group(required=True)
    hosts.add_argument("--hosts", help="names with commas between: a,b,c")
    hosts.add_argument("--file", help="a file of lines: name, or name=user@address:port")
    one.add_argument("--wait", action="store_true", help="watch the job until it is done")

    one = commands.add_parser("worker", help="run what is queued, until Ctrl-C")
    one.set_defaults(function=worker)
    one.add_argument("--limit", type=positive(int), default=50, help="hosts at a time (50)")
    one.add_argument(
        "--timeout", type=positive(float), default=60, help="seconds for one host (60)"
    )
    one.add_argument("--key", help="file of a private key (default: those that ssh takes)")

    one = commands.add_parser("status", help="show how far a job is, or what one host said")
    one.set_defaults(function=status)
    one.add_argument("job", type=int)
    one.add_argument("host", nargs="?")

    one = commands.add_parser("watch", help="show a job's progress until it is done")
    one.set_defaults(function=watch)
    one.add_argument("job", type=int)

    one = commands.add_parser("serve", help="answer lines `status JOB` on a TCP port")
    one.set_defaults(function=serve)
    one.add_argument("--port", type=int, default=7766)
    return parser.parse_args(words)


def positive(kind: type):
    def number(text: str):
        value = kind(text)
        if value <= 0:
            raise ValueError
        return value

    number.__name__ = f"positive {kind.__name__}"  # argparse's error says it
    return number


def main(words: list[str] | None = None) -> int:
    options = parse(words)
    # What the drivers raise is reported here; what they log about it besides is for debugging them.
    for name in ("paramiko", "pika"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        status = options.function(Services(), options)
        sys.stdout.flush()
        return status
    except FleetError as error:
        warn(str(error))
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our lines has left; nothing more can be said, at the exit neither.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
