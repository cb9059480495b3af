"""A test module in which everything happens that the runner has to record."""

import os
import signal
import socket
import sys
import threading
import time
import unittest


def hang() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.recv(1)


class Fake(unittest.TestCase):
    def test_a_passes(self) -> None:
        print("said on the way")

    def test_b_fails(self) -> None:
        self.assertEqual(1, 2)

    def test_c_raises(self) -> None:
        raise OSError("no such thing")

    def test_d_skips(self) -> None:
        self.skipTest("not here")

    def test_e_hangs(self) -> None:
        hang()

    def test_f_crashes(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def test_g_exits(self) -> None:
        os._exit(3)

    def test_h_leaves_a_child_that_runs_on(self) -> None:
        if os.fork() == 0:
            raise AssertionError("in the child")
        os.wait()

    def test_i_fails_in_one_of_its_parts(self) -> None:
        for number in range(3):
            with self.subTest(number=number):
                self.assertNotEqual(number, 1)

    @unittest.expectedFailure
    def test_j_fails_as_expected(self) -> None:
        self.assertEqual(1, 2)

    def test_k_is_patched(self) -> None:
        self.assertIn("weft.patch", sys.modules)
        self.assertNotEqual(time.sleep.__module__, "time")

    def test_l_never_waits(self) -> None:
        stop: list[int] = []
        stopped: list[int] = []

        def compute() -> None:
            for _ in range(10_000_000):
                if stop:
                    stopped.append(1)
                    return

        busy = threading.Thread(target=compute)
        busy.start()
        time.sleep(0.001)
        stop.append(1)
        busy.join()
        if not stopped:
            self.skipTest("nobody else ran meanwhile")


@unittest.skip("not here")
class Skipped(unittest.TestCase):
    def test_is_skipped(self) -> None:
        raise AssertionError("it ran")


class BadClass(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        hang()

    def test_never_runs(self) -> None:
        raise AssertionError("it ran")


class LastClass(unittest.TestCase):
    ready = False

    @classmethod
    def setUpClass(cls) -> None:
        cls.ready = True

    def test_is_set_up(self) -> None:
        self.assertTrue(self.ready)
