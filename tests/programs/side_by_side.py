#!/usr/bin/env python3
# Runs programs in one process, each in a thread, and a clock beside them.
# usage: side_by_side.py PROGRAM [WORD] -- PROGRAM [WORD] -- ...
# Each line on stdin is answered with the ticks of the clock since the start.
import importlib
import itertools
import sys
import threading
import time

clock = {"ticks": 0}


def tick():
    while True:
        time.sleep(0.005)
        clock["ticks"] += 1


def main(argv):
    commands = []
    for is_separator, words in itertools.groupby(argv[1:], lambda word: word == "--"):
        if not is_separator:
            commands.append(list(words))
    threading.Thread(target=tick, daemon=True).start()
    for command in commands:
        program = importlib.import_module(command[0])
        threading.Thread(target=program.main, args=(command,), daemon=True).start()
    for _ in sys.stdin:
        print("ticks", clock["ticks"], flush=True)


if __name__ == "__main__":
    main(sys.argv)
