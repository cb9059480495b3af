"""Coroutines by yield: eating baozi
用 yield 写协程：吃包子

A function with `yield` in it is a generator: it stops at each `yield`, keeps its variables, and
goes on from there when somebody asks it to. That is a coroutine: two of them can take turns in one
thread. By hand somebody has to do the asking: here the baker, who calls `send()` on each eater in
turn, and so must know them all.

`weft.pipeline` runs the same generators as tasks, at the same time. The baker only yields baozi,
the eaters only take them; whoever has nothing to do waits, and a baker who is too far ahead waits
as well.

函数里有了 `yield` 就成了生成器：它在每个 `yield` 处停下，保留自己的变量，有人要求时再从那里继续。
这就是协程：几个协程可以在一个线程里轮流运行。手工写的时候，必须有人来“要求”：这里是做包子的人，
他依次对每个吃包子的人调用 `send()`，所以必须认识所有的人。

`weft.pipeline` 把同样的生成器作为任务同时运行。做包子的只管 `yield` 包子，吃包子的只管取；
没事做的自己等着，做得太快、超前太多的也会等着。

Run: python examples/lesson/01_yield.py
"""

import weft

# -- by hand -----------------------------------------------------------------------------------
# -- 手工 --------------------------------------------------------------------------------------


def eater(name):
    """Eats whatever is sent; never ends by itself."""
    print(f"{name} sits down")
    while True:
        # Stops here until somebody calls send(): its argument is what yield returns.
        # 停在这里，直到有人调用 send()：send() 的参数就是 yield 的返回值。
        baozi = yield
        print(f"    {name} eats baozi {baozi}")


def by_hand():
    """The baker is the scheduler: it says whose turn it is."""
    eaters = [eater("Ann"), eater("Bo")]
    for each in eaters:
        # Runs it as far as its first yield; nothing can be sent before.
        # 先让它运行到第一个 yield；在这之前不能 send。
        next(each)
    for baozi in range(1, 5):
        print(f"the baker makes baozi {baozi}")
        eaters[baozi % 2 - 1].send(baozi)
    for each in eaters:
        each.close()


# -- as a pipeline -----------------------------------------------------------------------------
# -- 用管道 ------------------------------------------------------------------------------------


def bake():
    """Makes baozi as fast as they are taken; knows nobody."""
    for baozi in range(1, 7):
        print(f"the baker makes baozi {baozi}")
        yield baozi


def eat(name):
    """A stage: takes baozi from an iterator, and yields what it has to say."""

    def stage(plate):
        for baozi in plate:
            # Eating takes a while. Only this task waits; the others go on.
            # 吃要花些时间。只有这个任务在等，别的任务继续运行。
            weft.sleep(0.05)
            yield f"    {name} ate baozi {baozi}"

    return stage


def as_pipeline():
    """Two eaters share the plate, which holds two baozi: the baker cannot get far ahead."""
    for line in weft.pipeline(bake, [eat("Ann"), eat("Bo")], limit=2):
        print(line)


if __name__ == "__main__":
    print("-- by hand")
    by_hand()
    print("-- as a pipeline")
    as_pipeline()
