"""What all the servers have in common: a private instance, its state file, its life."""

import fcntl
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services import ports, processes

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / "build" / "services"
# Servers live where users do not look.
PLACES = ["/usr/sbin", "/sbin", "/usr/bin", "/usr/lib/rabbitmq/bin"]
PATIENCE = 120


class ServiceError(Exception):
    """A server could not be started; the message says why."""


class MissingProgram(ServiceError):
    """The server is not installed; the message says what to install."""


def say(text: str) -> None:
    """Say on stderr what happens."""
    print(f"-- {text}", file=sys.stderr, flush=True)


class Service:
    """A server of our own on a free loopback port, with data that is thrown away.

    What runs is written down in ``build/services/<name>/state.json``, so that another process
    finds it again.

    Attributes:
      port: where it listens; 0 before it is started for the first time.
      given_up: set it from another thread to have a start end early.
    """

    name: str
    #: The environment variable that hands its URL to programs.
    variable: str
    #: Debian's package, and the programs of it that are needed.
    package: str
    programs: tuple[str, ...]
    #: Who runs it when root may not.
    account: str | None = None
    stop_signal = signal.SIGTERM

    host = ports.HOST

    def __init__(self, directory: Path = STATE) -> None:
        self.directory = directory / self.name
        self.log = directory / f"{self.name}.log"
        self.port = 0
        self.given_up = threading.Event()
        self._record = self.directory / "state.json"
        self._processes: processes.Processes = {}
        self._child = 0
        # Whether this object saw it run, and will find its data when it starts it again.
        self._seen = False

    # What each server says of itself.

    @property
    def url(self) -> str:
        """Where it is, in the form its drivers take."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Make what it needs before its first start, in ``self.data``."""

    def command(self) -> list[str]:
        """The program that is the server, and stays in the foreground."""
        raise NotImplementedError

    def answers(self) -> bool:
        """Ask it something, once, in its own protocol."""
        raise NotImplementedError

    def settings(self) -> dict[str, str]:
        """Environment variables for the server itself."""
        return {}

    def environment(self) -> dict[str, str]:
        """Environment variables that tell programs where it is."""
        return {self.variable: self.url}

    # Its life.

    @property
    def running(self) -> bool:
        """Whether an instance runs, be it another process that started it."""
        self._read_record()
        leader = next(iter(self._processes), 0)
        return leader in processes.alive(self._processes)

    def start(self) -> None:
        """Start it, unless it runs; return when it answers.

        Once stopped or killed by this object it comes back on the same port with its data.

        Raises:
          MissingProgram: it is not installed.
          ServiceError: it does not start; nothing of it is left.
        """
        with self._locked():
            if self.running:
                self._wait_until_it_answers()
            else:
                if not self._seen:
                    self._clear()
                self._begin()
            self._seen = True

    def kill(self) -> None:
        """SIGKILL all its processes, as a crash would end it; port and data stay."""
        with self._locked():
            self._seen = self._seen or self.running
            self._end()

    def shut_down(self) -> None:
        """End it in its own way, however long that takes; port and data stay.

        Raises:
          ServiceError: it does not end.
        """
        with self._locked():
            self._seen = self._seen or self.running
            leader = next(iter(self._processes))
            self._processes |= processes.family(leader)
            processes.send([leader], signal.SIGTERM)
            ended = self._wait_for_end(leader)
            self._end()
        if not ended:
            raise ServiceError(f"{self.name} did not end by itself:\n{self._last_words()}")

    def restart(self) -> None:
        """End it at once, as :meth:`kill` does, and start it again."""
        self.kill()
        self.start()

    def stop(self) -> None:
        """End it in its own way, or by force after ten seconds, and remove its data."""
        with self._locked():
            if self.running:
                leader = next(iter(self._processes))
                self._processes |= processes.family(leader)
                processes.send([leader], self.stop_signal)
                if not self._wait_for_end(leader):
                    say(f"{self.name} does not end by itself: killed")
            self._end()
            self._remove()

    # How it is done.

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one process at a time start or stop this server."""
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        with open(self.directory.parent / f"{self.name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _begin(self) -> None:
        for program in self.programs:
            self.find(program)
        try:
            if not self._seen:
                self._make_data()
            while not self._try(self._seen):
                say(f"{self.name}: somebody else took port {self.port}; trying another")
                self._empty_data()
        except BaseException:
            self._end()
            if not self._seen:
                self._remove()
            raise

    def _try(self, again: bool) -> bool:
        """Start it, again or on a new port; say whether that port was ours to have."""
        try:
            if not again:
                self.port = ports.free_port()
                self.prepare()
            self._launch()
            self._wait_until_it_answers()
        except ServiceError:
            self._end()
            if ports.is_free(self.port):
                raise
            if again:
                text = f"{self.name}: somebody else has taken port {self.port} meanwhile"
                raise ServiceError(text) from None
            return False
        return True

    def _launch(self) -> None:
        with open(self.log, "ab") as log:
            process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, start_new_session=True, **self._options()
            )
        self._child = process.pid
        # It may have ended by now.
        self._processes = processes.family(process.pid) or {process.pid: "ended"}
        # It may outlive this process, which Popen would complain of; `_end` collects its status.
        process.returncode = 0
        self._write_record()

    def _options(self) -> dict:
        """How its programs are started: where, by whom, with which variables."""
        options: dict = {"cwd": self.data, "stdin": subprocess.DEVNULL}
        options["env"] = {
            "PATH": os.pathsep.join([os.environ["PATH"], *PLACES]),
            "HOME": str(self.data),
            "LANG": "C.UTF-8",
            **self.settings(),
        }
        if self.owner:
            options |= {"user": self.owner, "group": self.owner_group, "extra_groups": []}
        return options

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while not (self.answers() and self.running):
            if self.given_up.is_set():
                raise ServiceError(f"{self.name}: given up")
            if not self.running:
                raise ServiceError(f"{self.name} ended at once:\n{self._last_words()}")
            if time.monotonic() > deadline:
                raise ServiceError(
                    f"{self.name} did not answer within {PATIENCE} s:\n{self._last_words()}"
                )
            time.sleep(0.02)
        self._write_record()

    def _last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])

    def _wait_for_end(self, leader: int) -> bool:
        deadline = time.monotonic() + 10
        while self.running and time.monotonic() < deadline:
            time.sleep(0.01)
        return leader not in processes.alive(self._processes)

    def _end(self) -> None:
        """Kill what runs of it."""
        processes.kill(self._processes)
        if self._child:
            os.waitpid(self._child, 0)
            self._child = 0

    def _clear(self) -> None:
        """Do away with what an instance that ended without :meth:`stop` has left."""
        if self._record.exists():
            say(f"{self.name}: process {next(iter(self._processes), 0)} is gone; starting afresh")
        self._end()
        self._remove()

    def _remove(self) -> None:
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.rmtree(self.directory, ignore_errors=True)
        self._processes = {}
        self._seen = False
        self.port = 0

    def _write_record(self) -> None:
        # The first of them is the server itself.
        self._processes |= processes.family(next(iter(self._processes)))
        text = json.dumps({"port": self.port, "processes": self._processes})
        self._record.with_suffix(".new").write_text(text)
        self._record.with_suffix(".new").rename(self._record)

    def _read_record(self) -> None:
        if self._record.exists():
            found = json.loads(self._record.read_text())
            self.port = found["port"]
            self._processes = {int(pid): birth for pid, birth in found["processes"].items()}
        else:
            self.port, self._processes, self._seen = 0, {}, False

    # Its files.

    @property
    def owner(self) -> str | None:
        """Whose account it runs under, if not under ours."""
        return self.account if os.geteuid() == 0 else None

    @property
    def owner_group(self) -> int:
        return pwd.getpwnam(self.owner).pw_gid

    @property
    def data(self) -> Path:
        """Where its files are."""
        return (self.directory / "data").resolve()

    def _make_data(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.log.unlink(missing_ok=True)
        place = self.directory / "data"
        if self.owner and any(not parent.stat().st_mode & 1 for parent in place.parents):
            # The account cannot get there, below somebody's home say.
            place.symlink_to(tempfile.mkdtemp(prefix=f"weft-{self.name}-", dir="/var/tmp"))
        else:
            place.mkdir()
        self._empty_data()

    def _empty_data(self) -> None:
        shutil.rmtree(self.data)
        self.data.mkdir(mode=0o700)
        self.hand_over(self.data)

    def hand_over(self, path: Path) -> None:
        """Give ``path`` to the account that the server runs under."""
        if self.owner:
            shutil.chown(path, self.owner, self.owner_group)

    def write(self, name: str, text: str) -> Path:
        """Make a file in its data for nobody else to read."""
        path = self.data / name
        path.touch(mode=0o600)
        path.write_text(text)
        self.hand_over(path)
        return path

    def run(self, *words: str, text: str = "") -> None:
        """Run one of its programs to the end, with ``text`` as its input."""
        options = self._options()
        del options["stdin"]
        with open(self.log, "ab") as log:
            done = subprocess.run(
                words, input=text.encode(), stdout=log, stderr=log, check=False, **options
            )
        if done.returncode:
            raise ServiceError(f"{self.name}: {words[0]} failed:\n{self._last_words()}")

    @classmethod
    def find(cls, program: str) -> str:
        """The path of one of its programs.

        Raises:
          MissingProgram: it is nowhere.
        """
        newest = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
        places = [os.environ["PATH"], *PLACES, *map(str, newest)]
        found = shutil.which(program, path=os.pathsep.join(places))
        if not found:
            raise MissingProgram(
                f"{cls.name}: there is no {program}; install it first:  apt install {cls.package}"
            )
        return found
