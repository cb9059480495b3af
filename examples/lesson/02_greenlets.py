"""Switching by hand: greenlets, and a scheduler
手工切换：greenlet，以及调度器

A generator can only stop in its own body. A greenlet has a stack of its own, so any function it
calls, however deep, can switch away. But switching by hand means that everybody must know who is
next.

weft's tasks are greenlets with a scheduler. A task that has to wait calls `park()` and names
nobody; whoever has what it waits for calls `unpark(task)`, which makes it ready and goes on.
Sleeping, reading a socket, taking a lock: in weft each of them is a park and an unpark.

生成器只能在自己的函数体里停下。greenlet 有自己的栈，所以它调用的任何函数，不管多深，
都可以切换出去。但手工切换意味着每一方都必须知道下一个是谁。

weft 的任务就是带调度器的 greenlet。需要等待的任务调用 `park()`，不用指名任何人；谁有了它等的东西，
谁就调用 `unpark(task)`，让它就绪，自己接着运行。睡眠、读套接字、拿锁：在 weft 里，每一种都是一次
park 和一次 unpark。

Run: python examples/lesson/02_greenlets.py
"""

from greenlet import greenlet

import weft
from weft import lowlevel

# -- by hand -----------------------------------------------------------------------------------
# -- 手工 --------------------------------------------------------------------------------------


def ping():
    print("ping 1")
    # Goes to the other one; this call returns when somebody switches back.
    # 转到另一个；有人切换回来时，这个调用才返回。
    pong_greenlet.switch()
    print("ping 2")
    pong_greenlet.switch()
    print("ping ends")


def pong():
    print("    pong 1")
    ping_greenlet.switch()
    print("    pong 2")
    ping_greenlet.switch()
    # Nobody switches here again: this line never runs, and nothing says so.
    # 再也没有人切换到这里：这一行永远不会运行，也没有任何提示。
    print("    pong ends")


ping_greenlet = greenlet(ping)
pong_greenlet = greenlet(pong)


# -- with a scheduler --------------------------------------------------------------------------
# -- 有调度器 ----------------------------------------------------------------------------------


def wait_deep_down(depth):
    """Parks at the bottom of some calls: the whole stack waits, not just one function."""
    if depth:
        return wait_deep_down(depth - 1)
    return lowlevel.park("my turn")


def player(name, turns):
    for _ in range(turns):
        word = wait_deep_down(3)
        print(f"{name} was told {word!r}")
    print(f"{name} ends")


def referee(players):
    for turn, task in enumerate(players * 2, start=1):
        # Only makes it ready; the referee goes on until it waits itself.
        # 只是让它就绪；裁判自己继续运行，直到它自己也要等待。
        lowlevel.unpark(task, f"turn {turn}")
        print(f"the referee has called turn {turn}")
        weft.checkpoint()


if __name__ == "__main__":
    print("-- by hand")
    ping_greenlet.switch()
    print(f"is pong over? {pong_greenlet.dead}")

    print("-- with a scheduler")
    players = [weft.spawn(player, "ping", 2), weft.spawn(player, "pong", 2)]
    # Let them begin, and park: then there is somebody to unpark.
    # 让它们先运行并停下来：这样才有可以唤醒的任务。
    weft.checkpoint()
    weft.joinall([weft.spawn(referee, players), *players])
    print(f"are both over? {all(task.done for task in players)}")
