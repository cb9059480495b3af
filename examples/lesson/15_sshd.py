"""An SSH server of one's own
自己的 SSH 服务器

paramiko can be the server as well: a program decides who may log in and what happens in a channel.
Each client has a thread of paramiko's and a task that takes its channels, and none of them is an OS
thread. The hosts run commands on this machine, keep files in memory, and carry connections to one
another; they let in who has a key, or a password, that is made anew each time.

`weft lesson 15_sshd serve ann bo` says in a line where its hosts are and what lets in, and goes on
until its input ends.

paramiko 也可以做服务器：由程序决定谁可以登录，通道里发生什么。每个客户端有 paramiko 的一个线程，
还有一个接收通道的任务，它们都不是系统线程。这些主机在本机执行命令，把文件放在内存里，
并且互相转发连接；只让有密钥或口令的人登录，密钥和口令每次都新生成。

`weft lesson 15_sshd serve ann bo` 用一行说出主机在哪里、用什么登录，然后一直运行到输入结束。

Run: weft run examples/lesson/15_sshd.py
Packages: paramiko
"""

import io
import json
import logging
import os
import secrets
import socket
import sys
from contextlib import contextmanager, suppress
from subprocess import DEVNULL, PIPE, STDOUT, run

import paramiko

import weft

# A client that hangs up is an error to paramiko: without this it says so on stderr.
# 对 paramiko 来说，客户端挂断就是错误：没有这一行，它会写到标准错误输出。
logging.getLogger("paramiko").addHandler(logging.NullHandler())
KEY, PASSWORD = paramiko.ECDSAKey.generate(), secrets.token_hex()


class Guest(paramiko.ServerInterface):
    """What one client may do."""

    def __init__(self, hosts):
        self.hosts, self.forwards = hosts, {}

    def get_allowed_auths(self, username):
        return "publickey,password"

    def check_auth_publickey(self, username, key):
        return paramiko.AUTH_SUCCESSFUL if key == KEY else paramiko.AUTH_FAILED

    def check_auth_password(self, username, password):
        right = secrets.compare_digest(password.encode(), PASSWORD.encode())
        return paramiko.AUTH_SUCCESSFUL if right else paramiko.AUTH_FAILED

    def check_channel_request(self, kind, chanid):
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel, command):
        # Only made ready: it runs when this task waits, after the client has been told yes.
        # 只是就绪：等这个任务等待时它才运行，那时客户端已经得到许可。
        start(execute, channel, command)
        return True

    def check_channel_direct_tcpip_request(self, chanid, origin, destination):
        if destination not in self.hosts.values():
            return paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
        self.forwards[chanid] = destination
        return paramiko.OPEN_SUCCEEDED


def start(function, *arguments):
    """A task for a client, who may leave in the middle of everything."""

    def work():
        with suppress(OSError, EOFError, paramiko.SSHException):
            function(*arguments)

    weft.spawn(work)


def execute(channel, command):
    with channel:
        done = run(["/bin/sh", "-c", command], stdin=DEVNULL, stdout=PIPE, stderr=STDOUT)
        channel.sendall(done.stdout)
        channel.send_exit_status(done.returncode % 256)


def forward(channel, destination):
    with channel, socket.create_connection(destination) as far, weft.group() as both:
        both.spawn(copy, channel, far, both)
        both.spawn(copy, far, channel, both)


def copy(source, target, both):
    while data := source.recv(65536):
        target.sendall(data)
    # One side has hung up: nobody is there to hear the other.
    # 一方挂断了：另一方说什么也没有人听了。
    both.cancel()


class Files(paramiko.SFTPServerInterface):
    """The files of a host, by their paths."""

    def __init__(self, server, files):
        super().__init__(server)
        self.files = files

    def open(self, path, flags, attributes):
        if flags & os.O_TRUNC:
            self.files[path] = bytearray()
        return File(self.files[path]) if path in self.files else paramiko.SFTP_NO_SUCH_FILE

    def stat(self, path):
        return File(self.files[path]).stat() if path in self.files else paramiko.SFTP_NO_SUCH_FILE

    def remove(self, path):
        found = self.files.pop(path, None)
        return paramiko.SFTP_NO_SUCH_FILE if found is None else paramiko.SFTP_OK


class File(paramiko.SFTPHandle):
    def __init__(self, content):
        super().__init__()
        self.content = content

    def read(self, offset, length):
        return bytes(self.content[offset : offset + length])

    def write(self, offset, data):
        self.content[offset : offset + len(data)] = data
        return paramiko.SFTP_OK

    def stat(self):
        attributes = paramiko.SFTPAttributes()
        attributes.st_size = len(self.content)
        return attributes


def serve(connection, own_key, hosts, files):
    with paramiko.Transport(connection) as transport:
        transport.add_server_key(own_key)
        transport.set_subsystem_handler("sftp", paramiko.SFTPServer, Files, files)
        guest = Guest(hosts)
        transport.start_server(server=guest)
        # A channel that nobody refers to would be closed.
        # 没有人引用的通道会被关掉。
        channels = []
        while channel := transport.accept():
            channels.append(channel)
            if channel.chanid in guest.forwards:
                start(forward, channel, guest.forwards.pop(channel.chanid))


def accept(listener, own_key, hosts, files):
    with listener:
        while True:
            start(serve, listener.accept()[0], own_key, hosts, files)


@contextmanager
def serving(names):
    """A host for each name, on ports that the kernel chose; gives what a client must know."""
    hosts, known = {}, []
    with weft.group() as group:
        for name in names:
            listener, own_key = socket.create_server(("127.0.0.1", 0)), paramiko.ECDSAKey.generate()
            hosts[name] = host, port = listener.getsockname()
            known.append(f"[{host}]:{port} {own_key.get_name()} {own_key.get_base64()}")
            group.spawn(accept, listener, own_key, hosts, {})
        text = io.StringIO()
        KEY.write_private_key(text)
        login = {"user": "lesson", "key": text.getvalue(), "password": PASSWORD}
        yield {"addresses": hosts, "known": known, **login}
        group.cancel()


def be_a_client(address):
    with paramiko.SSHClient() as client:
        # Believe whoever answers: right within a program, and nowhere else.
        # 谁应答都相信：在一个程序内部可以，别处都不行。
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        client.connect(*address, "lesson", PASSWORD, allow_agent=False, look_for_keys=False)
        return client.exec_command("sleep 0.2; echo hello")[1].read().decode().strip()


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        with serving(sys.argv[2:]) as said:
            print(json.dumps(said), flush=True)
            sys.stdin.read()
    else:
        with serving(["ann"]) as said:
            answers = list(weft.map(be_a_client, [said["addresses"]["ann"]] * 20))
        print(f"20 clients at once heard {set(answers)}")
        print(f"OS threads: {len(os.listdir('/proc/self/task'))}")
