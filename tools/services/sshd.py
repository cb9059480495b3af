"""OpenSSH's server, for the account that starts it."""

import os
import pwd
from pathlib import Path

from services import ports
from services.service import Service

CONFIG = """
Port {port}
ListenAddress {host}
HostKey {data}/host_key
AuthorizedKeysFile {data}/authorized_keys
PidFile none
# Whoever may write to the folders above is nobody's concern here.
StrictModes no
PermitRootLogin yes
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
UseDNS no
# Otherwise bash reads the account's .bashrc before each command, whatever that does there. Only
# the first SetEnv counts.
SetEnv HOME={data}
PrintMotd no
AllowAgentForwarding yes
AllowTcpForwarding yes
# Hundreds come at once, from one address.
MaxStartups 1000
PerSourceMaxStartups none
MaxSessions 500
Subsystem sftp internal-sftp
"""


class SSHServer(Service):
    """Lets in the user who started it, by :attr:`key`.

    There is no login by password: OpenSSH takes the machine's own, which are none of ours.
    """

    name = "sshd"
    variable = "WEFT_SSH_URL"
    package = "openssh-server"
    programs = ("sshd", "ssh-keygen")

    @property
    def user(self) -> str:
        """Who may log in."""
        return pwd.getpwuid(os.geteuid()).pw_name

    @property
    def key(self) -> Path:
        """The private key that lets in, without a passphrase."""
        return self.data / "key"

    @property
    def known_hosts(self) -> Path:
        """The server's own key, as clients keep it."""
        return self.data / "known_hosts"

    @property
    def url(self) -> str:
        return f"ssh://{self.user}@{self.host}:{self.port}"

    def environment(self) -> dict[str, str]:
        return {
            self.variable: self.url,
            "WEFT_SSH_KEY": str(self.key),
            "WEFT_SSH_KNOWN_HOSTS": str(self.known_hosts),
        }

    def prepare(self) -> None:
        if os.geteuid() == 0:
            # Debian's start script makes this one, and the server does not start without.
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        for name in ("host_key", "key"):
            keygen = self.find("ssh-keygen")
            self.run(keygen, "-q", "-t", "ed25519", "-N", "", "-C", "weft", "-f", name)
        self.write("authorized_keys", (self.data / "key.pub").read_text())
        public = (self.data / "host_key.pub").read_text()
        self.write("known_hosts", f"[{self.host}]:{self.port} {public}")
        self.write("config", CONFIG.format(port=self.port, host=self.host, data=self.data))

    def command(self) -> list[str]:
        # It starts itself anew for each connection, so it wants its full path.
        return [self.find("sshd"), "-D", "-e", "-f", f"{self.data}/config"]

    def answers(self) -> bool:
        return ports.ask(self.port, b"", 7) == b"SSH-2.0"
