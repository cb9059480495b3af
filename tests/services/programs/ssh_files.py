"""Files up and down by SFTP, in a folder named on the command line."""

import hashlib
import os
import random
import sys
import threading
from pathlib import Path

from ssh_login import connect

MIB = 1 << 20
folder = Path(sys.argv[1])
data = random.Random(5).randbytes(4 * MIB)
(folder / "here").write_bytes(data)


def copy(number: int) -> None:
    """Each thread has an SFTP session of its own, on one connection."""
    with client.open_sftp() as mine:
        mine.put(str(folder / "here"), str(folder / f"there-{number}"))
        mine.get(str(folder / f"there-{number}"), str(folder / f"back-{number}"))


def digest(name: str) -> str:
    return hashlib.sha256((folder / name).read_bytes()).hexdigest()


with connect() as client:
    threads = [threading.Thread(target=copy, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print({digest(f"{kind}-{n}") for kind in ("there", "back") for n in range(4)})

    with client.open_sftp() as sftp:
        print(sftp.stat(str(folder / "there-0")).st_size == len(data))
        sftp.chdir(str(folder))
        sftp.mkdir("new")
        with sftp.open("new/lines", "w") as file:
            file.writelines(f"{n}\n" for n in range(1000))
        with sftp.open("new/lines") as file:
            print(sum(int(line) for line in file))
        with sftp.open("there-1", "rb") as file:
            parts = [(n * MIB, 10) for n in range(4)]
            print([*file.readv(parts)] == [data[at : at + size] for at, size in parts])
        sftp.rename("new/lines", "new/renamed")
        sftp.chmod("new/renamed", 0o640)
        print(sftp.listdir("new"), oct(os.stat(folder / "new/renamed").st_mode)[-3:])
        sftp.remove("new/renamed")
        sftp.rmdir("new")
        try:
            sftp.open("new/renamed")
        except FileNotFoundError as error:
            print(error)
print(digest("here"))
