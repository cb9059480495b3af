"""Programs with asyncio, patched: loops in tasks, threads, signals, processes."""

import pytest


def test_several_loops_run_at_once_in_one_os_thread(patched) -> None:
    lines = patched("""
        import asyncio, threading
        arrived = threading.Barrier(3)

        async def main(number):
            loop = asyncio.get_running_loop()
            await asyncio.sleep(0.001)
            # None of the three gets on before all are here: they run at the same time.
            await asyncio.to_thread(arrived.wait)
            assert asyncio.get_running_loop() is loop
            return number, threading.get_native_id()

        found = []
        threads = [threading.Thread(target=lambda n=n: found.append(asyncio.run(main(n))))
                   for n in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(sorted(number for number, _ in found), len({thread for _, thread in found}))
    """)
    assert lines == ["[0, 1, 2] 1"]


def test_a_sibling_of_a_running_loop_sees_none_and_may_run_its_own(patched) -> None:
    lines = patched("""
        import asyncio, threading

        def sibling():
            print(asyncio._get_running_loop())
            print(asyncio.run(asyncio.sleep(0.001, "of its own")))

        async def main():
            thread = threading.Thread(target=sibling)
            thread.start()
            thread.join()           # blocks the loop, and nobody else
            print(asyncio.get_running_loop() is not None)
            await asyncio.to_thread(sibling)

        asyncio.run(main())
    """)
    assert lines == ["None", "of its own", "True", "None", "of its own"]


def test_a_library_that_asks_for_a_running_loop_is_not_misled(patched) -> None:
    """As asgiref and braintrust do: with one they hand over to it, without one they run."""
    lines = patched("""
        import asyncio, threading

        def sync_api(value):
            try:
                asyncio.get_running_loop()
            except RuntimeError:
                return asyncio.run(asyncio.sleep(0, value))
            raise AssertionError("called from a coroutine")

        async def serve():
            return await asyncio.gather(*[asyncio.to_thread(sync_api, n) for n in range(5)])

        server = threading.Thread(target=lambda: print(asyncio.run(serve())))
        server.start()
        print(sync_api("main"))
        server.join()
    """)
    assert sorted(lines) == ["[0, 1, 2, 3, 4]", "main"]


def test_to_thread_takes_the_context_along(patched) -> None:
    lines = patched("""
        import asyncio, contextvars, threading
        request = contextvars.ContextVar("request", default="none")

        async def handle(number):
            request.set(number)
            await asyncio.sleep(0.001)
            return await asyncio.to_thread(request.get)

        async def main():
            return await asyncio.gather(*map(handle, range(3)))

        loops = [threading.Thread(target=lambda: print(asyncio.run(main()))) for _ in range(2)]
        for loop in loops:
            loop.start()
        for loop in loops:
            loop.join()
        print(request.get())
    """)
    assert lines == ["[0, 1, 2]", "[0, 1, 2]", "none"]


def test_what_blocks_in_c_goes_to_an_os_thread_by_offload(patched) -> None:
    lines = patched("""
        import asyncio, threading, time, weft
        native_sleep = weft.patch.original("time").sleep
        here = threading.get_native_id()

        async def main():
            blocking = asyncio.create_task(asyncio.to_thread(weft.offload, native_sleep, 0.02))
            turns = 0
            while not blocking.done():
                turns += 1
                await asyncio.sleep(0.001)
            print(turns > 1)
            print(await asyncio.to_thread(threading.get_native_id) == here)
            elsewhere = weft.patch.original("threading").get_native_id
            print(await asyncio.to_thread(weft.offload, elsewhere) == here)

        asyncio.run(main())
    """)
    assert lines == ["True", "True", "False"]


def test_call_soon_threadsafe_from_tasks_and_os_threads(patched) -> None:
    lines = patched("""
        import asyncio, threading, weft
        native = weft.patch.original("threading")

        async def main():
            loop, done, heard = asyncio.get_running_loop(), asyncio.Event(), []

            def hear(name):
                heard.append(name)
                if len(heard) == 4:
                    done.set()

            def speak(name):
                loop.call_soon_threadsafe(hear, name)
                future = asyncio.run_coroutine_threadsafe(asyncio.sleep(0.001, name), loop)
                loop.call_soon_threadsafe(hear, future.result())

            native.Thread(target=speak, args=("thread",)).start()
            weft.spawn(speak, "task")
            await done.wait()
            print(sorted(heard))

        asyncio.run(main())
    """)
    assert lines == ["['task', 'task', 'thread', 'thread']"]


def test_loops_in_the_tasks_of_another_os_thread(patched) -> None:
    lines = patched("""
        import asyncio, threading, weft
        native = weft.patch.original("threading")

        async def main(number):
            await asyncio.sleep(0.001)
            return await asyncio.to_thread(lambda: number)

        def run():
            tasks = [weft.spawn(asyncio.run, main(number)) for number in range(3)]
            found.extend(task.result() for task in tasks)

        found = []
        thread = native.Thread(target=run)
        thread.start()
        print(asyncio.run(main(3)))
        thread.join()
        print(found)
    """)
    assert lines == ["3", "[0, 1, 2]"]


def test_debug_mode_takes_another_task_for_another_thread(patched) -> None:
    lines = patched("""
        import asyncio, sys

        async def main():
            loop = asyncio.get_running_loop()

            def elsewhere():
                print(sys.get_coroutine_origin_tracking_depth())
                try:
                    loop.call_soon(print)
                except RuntimeError as error:
                    print(error)

            await asyncio.to_thread(elsewhere)
            coroutine = asyncio.sleep(0)
            print(coroutine.cr_origin is not None)
            await coroutine

        asyncio.run(main(), debug=True)
        coroutine = asyncio.sleep(0)
        print(coroutine.cr_origin)
        coroutine.close()
    """)
    message = "Non-thread-safe operation invoked on an event loop other than the current one"
    assert lines == ["0", message, "True", "None"]


def test_an_asyncio_server_and_blocking_clients_in_one_thread(patched) -> None:
    lines = patched("""
        import asyncio, socket, threading

        async def echo(reader, writer):
            while data := await reader.readline():
                writer.write(data.upper())
                await writer.drain()
            writer.close()

        def talk(port, number):
            with socket.create_connection(("127.0.0.1", port)) as sock, sock.makefile("rw") as file:
                for _ in range(3):
                    file.write(f"hello {number}\\n")
                    file.flush()
                    assert file.readline() == f"HELLO {number}\\n"
            return number

        async def main():
            server = await asyncio.start_server(echo, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            async with server:
                calls = [asyncio.to_thread(talk, port, number) for number in range(5)]
                print(await asyncio.gather(*calls))

        asyncio.run(main())
    """)
    assert lines == ["[0, 1, 2, 3, 4]"]


def test_loops_are_each_tasks_own_though_asyncio_was_imported_before(patched) -> None:
    lines = patched(
        """
        import weft

        def run(number):
            loop = asyncio.new_event_loop()
            asyncio.set_event_loop(loop)
            weft.checkpoint()
            assert asyncio.get_event_loop() is loop
            found = loop.run_until_complete(asyncio.to_thread(lambda: number))
            loop.close()
            return found

        print([task.result() for task in [weft.spawn(run, number) for number in range(3)]])
        print(weft.patch.unrepaired())
        """,
        before="import asyncio, multiprocessing.managers\n",
    )
    assert lines == ["[0, 1, 2]", "[]"]


@pytest.mark.parametrize("before", ["", "import asyncio\n"])
def test_a_loop_whose_selector_never_waits_lets_others_run(patched, before) -> None:
    lines = patched(
        """
        import asyncio, selectors, threading, time

        class Hasty(selectors.SelectSelector):
            def select(self, timeout=None):
                return []

        async def main():
            thread = threading.Thread(target=time.sleep, args=(0.001,))
            thread.start()
            while thread.is_alive():
                await asyncio.sleep(0)
            print("ended")

        loop = asyncio.SelectorEventLoop(Hasty())
        loop.run_until_complete(main())
        loop.close()
        """,
        before=before,
    )
    assert lines == ["ended"]


# -- signals and processes -------------------------------------------------------------------


def test_signal_handlers_of_a_loop_run_beside_those_of_the_program(patched) -> None:
    lines = patched("""
        import asyncio, os, signal, threading
        me, came = os.getpid(), threading.Event()

        def tell_the_loop(*_):
            print("to the program")
            os.kill(me, signal.SIGUSR1)

        async def main():
            heard = asyncio.Queue()
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGUSR1, heard.put_nowait, "to the loop")
            signal.signal(signal.SIGUSR2, tell_the_loop)
            threading.Timer(0.01, os.kill, (me, signal.SIGUSR2)).start()
            print(await heard.get())
            print(loop.remove_signal_handler(signal.SIGUSR1))

        asyncio.run(main())
        # The hub hears of signals as before, though the loop has taken its wakeup descriptor away.
        signal.signal(signal.SIGUSR2, lambda *_: came.set())
        threading.Timer(0.01, os.kill, (me, signal.SIGUSR2)).start()
        print(came.wait(10))
    """)
    assert lines == ["to the program", "to the loop", "True", "True"]


def test_ctrl_c_cancels_the_coroutine_that_asyncio_runs(patched) -> None:
    lines = patched("""
        import asyncio, os, signal, threading

        async def main():
            threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGINT)).start()
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                print("cancelled")
                raise

        try:
            asyncio.run(main())
        except KeyboardInterrupt:
            print("interrupted")
    """)
    assert lines == ["cancelled", "interrupted"]


def test_subprocesses_of_several_loops(patched) -> None:
    lines = patched("""
        import asyncio, sys, threading
        program = "import sys; print(sys.stdin.read().upper()); sys.exit(3)"

        async def main(text):
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-S", "-c", program, stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE)
            out, _ = await child.communicate(text.encode())
            found.append((out.decode().strip(), child.returncode))

        found = []
        threads = [threading.Thread(target=lambda t=text: asyncio.run(main(t))) for text in "ab"]
        for thread in threads:
            thread.start()
        asyncio.run(main("c"))
        for thread in threads:
            thread.join()
        print(sorted(found))
    """)
    assert lines == ["[('A', 3), ('B', 3), ('C', 3)]"]


def test_a_child_forked_within_a_coroutine_has_no_running_loop(patched) -> None:
    lines = patched("""
        import asyncio, os

        async def main():
            child = os.fork()
            if not child:
                loop = asyncio._get_running_loop()
                os._exit(7 if loop is None and asyncio.run(asyncio.sleep(0.001, True)) else 1)
            await asyncio.sleep(0)
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            print(asyncio.get_running_loop() is not None)

        asyncio.run(main())
    """)
    assert lines == ["7", "True"]
