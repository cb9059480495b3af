"""``weft run --preempt``: threads that only compute take turns."""

from pathlib import Path

import pytest

LOOPS = """
import concurrent.futures, threading

order = []

def loop(name):
    while order.count(name) < 3:
        if order[-1:] != [name]:
            order.append(name)

class Looper(threading.Thread):
    def run(self):
        loop(self.name)
"""
STARTS = {
    "target": "threads = [threading.Thread(target=loop, args=name) for name in 'ab']",
    "subclass": "threads = [Looper(name=name) for name in 'ab']",
    "timer": "threads = [threading.Timer(0, loop, name) for name in 'ab']",
}
JOIN = """
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
POOL = """
with concurrent.futures.ThreadPoolExecutor() as pool:
    list(pool.map(loop, "ab"))
"""


@pytest.mark.parametrize("program", [*STARTS, "pool"])
def test_threads_that_only_compute_take_turns(program, run_python, tmp_path: Path) -> None:
    body = POOL if program == "pool" else STARTS[program] + JOIN
    (tmp_path / "app.py").write_text(LOOPS + body + "print(''.join(order)[-5:])")
    done = run_python("-m", "weft", "run", "--preempt", "1ms", "app.py")
    assert (done.stdout, done.stderr) in (("ababa\n", ""), ("babab\n", ""))


def test_the_main_program_takes_turns_too(run_python, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("""
import threading
done = False

def end():
    global done
    done = True

threading.Timer(0.001, end).start()
while not done:
    pass
print("ended")
""")
    done = run_python("-m", "weft", "run", "--preempt=1ms", "app.py")
    assert (done.stdout, done.stderr) == ("ended\n", "")


def test_it_is_off_by_default(run_python, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import signal; print(signal.getsignal(signal.SIGURG))")
    assert run_python("-m", "weft", "run", "app.py").stdout == "0\n"


def test_the_help_speaks_of_it(run_python) -> None:
    assert "--preempt 10ms" in run_python("-m", "weft", "run", "--help").stdout
