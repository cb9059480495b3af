"""Says whether the servers named in the environment are reached, each from a thread of its own."""

import os
import socket
import threading
from urllib.parse import urlsplit

URLS = {name: url for name, url in os.environ.items() if name.endswith("_URL")}


def reach(name: str, url: str) -> None:
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port)):
        reached.append(name)


reached: list[str] = []
threads = [threading.Thread(target=reach, args=item) for item in URLS.items()]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(*sorted(reached))
print(type(threading.current_thread()).__name__, socket.socket.__module__)
