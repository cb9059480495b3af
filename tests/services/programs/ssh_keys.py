"""Who am I: keys with and without a passphrase, an agent's. Who are you: host keys checked.

ssh_keys.py folder: with key pairs ``ed25519`` and ``rsa``, whose passphrase is "weft", both
authorized, and ``stranger``, which is not.
"""

import logging
import os
import sys
from pathlib import Path

import paramiko
from ssh_login import HOST, PORT, ask, connect, new_client

# Authentication that fails is logged as well as raised.
logging.getLogger("paramiko").addHandler(logging.NullHandler())
folder = Path(sys.argv[1])


def attempt(**options) -> str:
    """How a login ends."""
    try:
        with connect(**options) as client:
            return ask(client, "echo in")[1].strip()
    except (paramiko.SSHException, OSError) as error:
        return f"{type(error).__name__}: {error}"


def key(name: str) -> str:
    return str(folder / name)


print(attempt(key_filename=key("ed25519")))
print(attempt(key_filename=key("rsa"), passphrase="weft"))
print(attempt(pkey=paramiko.RSAKey.from_private_key_file(key("rsa"), "weft")))
print(attempt(key_filename=key("rsa")))
print(attempt(key_filename=key("rsa"), passphrase="weave"))
print(attempt(key_filename=key("stranger")))
print(attempt(key_filename=None, password="weft"))

print(len(paramiko.Agent().get_keys()), attempt(key_filename=None, allow_agent=True))
os.environ["SSH_AUTH_SOCK"] = str(folder / "no agent")
print(attempt(key_filename=None, allow_agent=True))

print(attempt(client=paramiko.SSHClient()).partition(" in ")[0])
liar = paramiko.SSHClient()
known = new_client().get_host_keys().lookup(f"[{HOST}]:{PORT}")["ssh-ed25519"]
false = paramiko.Ed25519Key.from_private_key_file(key("ed25519"))
liar.get_host_keys().add(f"[{HOST}]:{PORT}", false.get_name(), false)
print(attempt(client=liar).partition(":")[0])
trusting = paramiko.SSHClient()
trusting.set_missing_host_key_policy(paramiko.AutoAddPolicy())
print(attempt(client=trusting))
print(trusting.get_host_keys().lookup(f"[{HOST}]:{PORT}")["ssh-ed25519"] == known)
