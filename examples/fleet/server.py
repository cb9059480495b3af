"""``fleet serve``: a line ``status 17`` is answered by one that says how far job 17 is."""

from twisted.internet import reactor
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory
from twisted.internet.threads import deferToThread
from twisted.protocols.basic import LineOnlyReceiver

from fleet.errors import FleetError
from fleet.progress import count
from fleet.services import Services


class StatusProtocol(LineOnlyReceiver):
    delimiter = b"\n"
    MAX_LENGTH = 200

    def lineReceived(self, line: bytes) -> None:  # noqa: N802
        # The answer waits for servers. The reactor's threads are for that; on weft they are tasks.
        answer = deferToThread(self.factory.answer, line.decode(errors="replace"))
        answer.addCallback(lambda text: self.sendLine(text.encode()))


class StatusFactory(Factory):
    protocol = StatusProtocol

    def __init__(self, services: Services) -> None:
        self.services = services

    def answer(self, line: str) -> str:
        try:
            match line.split():
                case ["status", number] if number.isdecimal():
                    job = self.services.store.job(int(number))
                    counts = count(self.services, job)
                    parts = [
                        f"{state}={counts[state]}"
                        for state in ("ok", "failed", "running", "queued")
                    ]
                    return f"job={job.number} hosts={job.hosts} {' '.join(parts)}"
            return "error: write status and the number of a job"
        except FleetError as error:
            return f"error: {error}"


def serve(services: Services, port: int) -> None:
    """Answer until Ctrl-C."""
    try:
        listening = reactor.listenTCP(port, StatusFactory(services), interface="127.0.0.1")
    except CannotListenError as error:
        raise FleetError(str(error)) from error
    print(f"serving on 127.0.0.1:{listening.getHost().port}", flush=True)
    reactor.run()
