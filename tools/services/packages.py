"""Debian's packages: installed when we may, named when not."""

import os
import shutil
import subprocess
from collections.abc import Iterable

from services.service import MissingProgram, Service, ServiceError, say


def missing(services: Iterable[type[Service]]) -> list[str]:
    """The packages whose programs are not here."""
    packages = []
    for service in services:
        try:
            for program in service.programs:
                service.find(program)
        except MissingProgram:
            packages.append(service.package)
    return packages


def install(packages: list[str]) -> None:
    """Install Debian packages, without having them start servers of their own if it can be had.

    Raises:
      ServiceError: we are not root, this is no Debian, or apt-get failed; says what to install.
    """
    if not packages:
        return
    if os.geteuid() or not shutil.which("apt-get"):
        raise ServiceError(f"install them first, as root:  apt install {' '.join(packages)}")
    say(f"installing {' '.join(packages)}")
    # Runlevel 1 is the one without servers, for machines that start them by scripts.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
    for words in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        if subprocess.run([*apt, *words], env=environment, check=False, stdout=2).returncode:
            raise ServiceError(f"apt-get cannot install {' '.join(packages)}")
