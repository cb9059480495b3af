"""Tests with threads, as their authors write them; for ``pytest checks_with_threads.py``."""

import logging
import os
import queue
import socket
import threading

import pytest


@pytest.fixture
def echo_server():
    def serve() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=echo, args=[sock]).start()

    def echo(sock: socket.socket) -> None:
        with sock:
            together.wait(30)
            sock.sendall(sock.recv(100))

    together = threading.Barrier(10)
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=serve)
    thread.start()
    yield listener.getsockname()
    listener.shutdown(socket.SHUT_RDWR)
    thread.join(30)
    listener.close()
    assert not thread.is_alive()


def test_a_server_with_ten_clients_inside(echo_server) -> None:
    socks = [socket.create_connection(echo_server, timeout=30) for _ in range(10)]
    for number, sock in enumerate(socks):
        sock.sendall(b"%d" % number)
    assert [sock.recv(100) for sock in socks] == [b"%d" % number for number in range(10)]
    for sock in socks:
        sock.close()


def test_what_a_thread_prints_and_logs_is_captured(capsys, caplog) -> None:
    caplog.set_level(logging.INFO)

    def work() -> None:
        print("working")
        logging.info("in %s", threading.current_thread().name)

    thread = threading.Thread(target=work, name="worker")
    thread.start()
    thread.join()
    assert capsys.readouterr().out == "working\n"
    assert caplog.messages == ["in worker"]


def test_a_variable_that_is_patched_is_seen_by_threads(monkeypatch) -> None:
    monkeypatch.setenv("COLOUR", "red")
    answers: queue.Queue[str] = queue.Queue()
    threading.Thread(target=lambda: answers.put(os.environ["COLOUR"])).start()
    assert answers.get(timeout=30) == "red"


def test_that_fails_after_a_thread_has_run(tmp_path) -> None:
    thread = threading.Thread(target=(tmp_path / "file").touch)
    thread.start()
    thread.join()
    assert not list(tmp_path.iterdir())


def test_whose_thread_fails() -> None:
    thread = threading.Thread(target=[].pop)
    thread.start()
    thread.join()


def test_one_os_thread() -> None:
    waiting = threading.Barrier(6)
    threads = [threading.Thread(target=waiting.wait) for _ in range(5)]
    for thread in threads:
        thread.start()
    print("OS threads:", len(os.listdir("/proc/self/task")))
    waiting.wait(30)
    for thread in threads:
        thread.join()
