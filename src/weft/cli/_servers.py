"""The servers that a chapter needs: those the environment names, or private ones of a checkout.

Private ones are started by a process of their own, which stops them as soon as this one is gone,
however it ends: it waits for the end of the pipe that is its stdin.
"""

import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from weft.cli._chapters import ROOT, Chapter

#: What names each server's URL; tools/services sets the same.
VARIABLES = {
    "mariadb": "WEFT_MYSQL_URL",
    "rabbitmq": "WEFT_RABBITMQ_URL",
    "redis": "WEFT_REDIS_URL",
    "memcached": "WEFT_MEMCACHED_URL",
    "postgresql": "WEFT_POSTGRESQL_URL",
    "sshd": "WEFT_SSH_URL",
}
STARTER = ROOT / "tools" / "services"
PATIENCE = 5  # seconds for a server that the environment names


class Missing(Exception):
    """Something the chapter needs is not there; the message says how to get it."""


@contextmanager
def servers(chapter: Chapter) -> Iterator[None]:
    """See to it that each server ``chapter`` needs runs, and is named in ``os.environ``.

    Raises:
      Missing: one of them cannot be had.
    """
    wanted = []
    for name in chapter.needs:
        url = os.environ.get(VARIABLES[name])
        if url:
            check(VARIABLES[name], url)
        else:
            wanted.append(name)
    if not wanted:
        yield
    elif STARTER.is_dir():
        with private(wanted):
            yield
    else:
        name = wanted[0]
        raise Missing(
            f"chapter {chapter.number} needs a server, {name}: set {VARIABLES[name]} to the URL "
            "of one, or run it in a checkout of weft, which starts one"
        )


def check(variable: str, url: str) -> None:
    """Raises ``Missing`` unless ``url`` is one, and somebody listens where it says."""
    place = urlsplit(url)
    if not place.scheme:
        raise Missing(f"{variable} is {url!r}, which is no URL: set it to that of a server")
    if not place.hostname or not place.port:
        return
    try:
        socket.create_connection((place.hostname, place.port), PATIENCE).close()
    except OSError as error:
        where = f"{place.hostname}:{place.port}"
        raise Missing(
            f"{variable} names a server at {where}, where nobody answers ({error}): start it, or "
            "unset the variable to have a private one"
        ) from None


@contextmanager
def private(names: list[str]) -> Iterator[None]:
    """Start servers for as long as the block runs, and put their variables into ``os.environ``."""
    command = [sys.executable, str(STARTER), "hold", *names]
    pipe = subprocess.PIPE
    # In a session of its own: a Ctrl-C is for the chapter alone.
    keeper = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True)
    assert keeper.stdin and keeper.stdout
    try:
        for line in iter(keeper.stdout.readline, "\n"):
            if not line:
                raise Missing("a server it needs could not be started, as said above")
            variable, _, value = line.removeprefix("export ").partition("=")
            os.environ[variable] = shlex.split(value)[0]
        yield
    except BaseException:
        # It may still be starting them.
        keeper.terminate()
        raise
    finally:
        keeper.stdin.close()
        keeper.wait()
        keeper.stdout.close()
