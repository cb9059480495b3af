"""`make services`: start, stop and list the servers.

python3 tools/services start [names]    prints what to hand to programs, for a shell's eval
python3 tools/services stop [names]
python3 tools/services status [names]
python3 tools/services hold names      starts others of its own, until its stdin ends
"""

import argparse
import shlex
import signal
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# Its own folder is there, where the package cannot be seen from.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from services import SERVICES, Service, ServiceError  # noqa: E402
from services.packages import install, missing  # noqa: E402
from services.service import say  # noqa: E402


def main() -> None:
    """Parse the command line and do it."""
    parser = argparse.ArgumentParser(prog="services", description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=["start", "stop", "status", "hold"])
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(SERVICES)}")
    options = parser.parse_args()
    unknown = set(options.names) - set(SERVICES)
    if unknown:
        parser.error(f"no such service: {', '.join(unknown)}; there are {', '.join(SERVICES)}")
    try:
        if options.action == "hold":
            hold(options.names)
            return
        services = [SERVICES[name]() for name in options.names or SERVICES]
        if options.action == "start":
            install(missing(map(type, services)))
        {"start": start, "stop": stop, "status": status}[options.action](services)
    except ServiceError as error:
        raise SystemExit(f"-- {error}") from None


def start(services: list[Service]) -> None:
    """Start those that do not run, all at once, and print where all of them are.

    When one cannot be started, or somebody interrupts, those started here are stopped again.
    """
    # A supervisor's SIGTERM is to leave as little behind as Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    new = [service for service in services if not service.running]
    if new:
        say(f"starting {', '.join(service.name for service in new)}")
    with ThreadPoolExecutor(len(services)) as pool:
        starts = [pool.submit(service.start) for service in services]
        try:
            for each in starts:
                each.result()
        except BaseException:
            for service in new:
                service.given_up.set()
            for each in starts:
                each.exception()
            for service in new:
                service.stop()
            say("nothing that was started here is left running")
            raise
    for service in services:
        for name, value in service.environment().items():
            print(f"export {name}={shlex.quote(value)}")


def hold(names: list[str]) -> None:
    """Start servers with data of their own, print where they are, and stop them when stdin ends.

    What is not installed is not installed here. An empty line ends what is printed.
    """
    with tempfile.TemporaryDirectory(prefix="weft-services-") as place:
        services = [SERVICES[name](Path(place)) for name in names]
        start(services)
        try:
            print(flush=True)
            sys.stdin.read()
        finally:
            stop(services)


def stop(services: list[Service]) -> None:
    """Stop those that run."""
    for service in services:
        was = service.running
        service.stop()
        if was:
            say(f"stopped {service.name}")


def status(services: list[Service]) -> None:
    """Print a line a service."""
    for service in services:
        print(f"{service.name:<12}{service.url if service.running else 'not running'}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit("-- interrupted") from None
