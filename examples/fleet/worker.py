"""``fleet worker``: takes tasks, runs them over SSH, so many at a time, and records the results."""

import signal
import time
from collections.abc import Callable
from functools import partial

import paramiko

import weft
from fleet.errors import patiently
from fleet.jobs import Delivery, Result, Task
from fleet.services import Services
from fleet.ssh import Hosts, execute

FACTS = "uname -srm"


def work(services: Services, limit: int, timeout: float, key: str | None) -> None:
    """Work until Ctrl-C; a second one does not wait for what is under way."""
    worker = Worker(services, Hosts(key), timeout)
    queue = services.queue
    deliveries = queue.deliveries(limit)
    stop_on_signals(queue.stop)
    print(f"working on {limit} hosts at a time", flush=True)
    try:
        # The next delivery is taken when there is room for it.
        for line in weft.map(worker.handle, deliveries, limit=limit, ordered=False):
            print(line, flush=True)
    finally:
        queue.close()


class Worker:
    def __init__(self, services: Services, hosts: Hosts, timeout: float) -> None:
        self.hosts = hosts
        self.timeout = timeout
        # Connected now: whatever is refused is said before the first task is taken.
        self.store, self.live, self.facts = services.store, services.live, services.facts

    def handle(self, delivery: Delivery) -> str:
        """See a task through; the line to print about it.

        Killed at any point, another worker is given the task again. If that was after the result
        was committed, all he does is to tell the queue.
        """
        task = delivery.task
        try:
            result = patiently(self.store.find, task.job, task.host)
            if result is None:
                patiently(self.live.set, task.job, task.host, "running")
                result = patiently(self.store.record, self.run(task))
            patiently(self.live.set, task.job, task.host, result.state)
            patiently(delivery.done)
        except BaseException:  # cancelled by the second Ctrl-C: somebody else's now
            delivery.give_back()
            raise
        return f"job {task.job}, {result}"

    def run(self, task: Task) -> Result:
        """Run the command on the host; whatever happens is the result."""
        known = patiently(self.facts.get, task.host)
        began = time.monotonic()
        result = partial(Result, task.job, task.host)
        try:
            # One limit for all of it: name, connection, login, command.
            with weft.timeout(self.timeout), self.hosts.connected(task) as client:
                facts = known or execute(client, FACTS)[1].strip()
                status, output = execute(client, task.command)
        except TimeoutError:
            return result(None, time.monotonic() - began, f"not done after {self.timeout:g} s")
        except (OSError, EOFError, paramiko.SSHException) as error:
            reason = str(error) or type(error).__name__
            return result(None, time.monotonic() - began, reason)
        seconds = time.monotonic() - began
        if not known:
            patiently(self.facts.put, task.host, facts)
        return result(status, seconds, output)


def stop_on_signals(stop: Callable[[], None]) -> None:
    """Have the first SIGINT or SIGTERM call ``stop``; a second one does as it always does."""
    usual = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def handler(number: int, frame: object) -> None:
        for number, action in usual.items():
            signal.signal(number, action)
        print("no more tasks; what is under way is finished", flush=True)
        stop()

    for number in usual:
        signal.signal(number, handler)
