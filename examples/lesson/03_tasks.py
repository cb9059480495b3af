"""Tasks: spawn, sleep, joinall, and their order
任务：spawn、sleep、joinall，以及运行顺序

`weft.spawn(function, ...)` makes a task: it is ready, but does not run yet. The current task goes
on until it waits. Then the ready tasks run, in the order in which they became ready: first in,
first out. Nothing interrupts a task between two waits, so the order is the same each time.

A sleeping task becomes ready when its time has come, so who sleeps less is ready first.
`weft.joinall` waits for all of them; a task's `result()` gives what its function returned, or
raises what it raised.

`weft.spawn(function, ...)` 创建一个任务：它已经就绪，但还没有运行。当前任务会继续，
直到它自己要等待。然后就绪的任务按照就绪的先后运行：先进先出。两次等待之间没有什么会打断一个任务，
所以每次的顺序都一样。

睡眠的任务到时间才就绪，所以睡得短的先就绪。`weft.joinall` 等待所有的任务；任务的 `result()`
给出函数的返回值，或者抛出函数抛出的异常。

Run: python examples/lesson/03_tasks.py
"""

import weft


def step(name, seconds):
    print(f"    {name} begins")
    weft.sleep(seconds)
    print(f"    {name} goes on after {seconds} s")
    return name.upper()


def fails():
    raise ValueError("no more baozi")


def turns(name):
    for turn in range(1, 4):
        print(f"    {name}, turn {turn}")
        # Goes to the back of the queue of those that are ready.
        # 排到就绪队列的末尾。
        weft.checkpoint()


if __name__ == "__main__":
    print("-- ready in the order of spawn, done in the order of sleep")
    tasks = [weft.spawn(step, "a", 0.3), weft.spawn(step, "b", 0.1), weft.spawn(step, "c", 0.2)]
    # None of them has run: this task has not waited yet.
    # 它们都还没有运行：当前任务还没有等待过。
    print("three tasks are spawned; nothing has run")
    weft.joinall(tasks)
    # The order given, not the order in which they ended.
    # 按给出的顺序，而不是结束的顺序。
    print("results:", [task.result() for task in tasks])

    print("-- taking turns")
    weft.joinall([weft.spawn(turns, "a"), weft.spawn(turns, "b")])

    print("-- a task that fails")
    task = weft.spawn(fails)
    # joinall only waits. The error comes out where somebody asks for the result.
    # joinall 只管等待。谁要结果，异常就在谁那里抛出。
    weft.joinall([task])
    try:
        task.result()
    except ValueError as error:
        print(f"result() raises: {error}")

    print("-- the same, shorter")
    # A group ends when all its tasks have; map and gather are groups in one call.
    # 任务组要等组里所有任务结束才结束；map 和 gather 是一次调用的任务组。
    with weft.group() as group:
        group.spawn(print, "    in a group")
    print("map:", list(weft.map(lambda n: n * n, range(5))))
