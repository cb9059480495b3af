"""``open`` in patched programs: for a descriptor it parks, for a path nothing changes."""

import pytest


@pytest.mark.parametrize(
    "name", ["open", "io.open", "os.fdopen", "codecs.open", "taken"], ids=lambda name: name
)
def test_files_on_pipes_park(name, patched) -> None:
    lines = patched(
        f"""
        import codecs, io, os, threading
        make = {name}
        reader, writer = os.pipe()

        def read():
            with make(reader, "rb") as file:
                print(file.read() == b"x" * 300_000)

        thread = threading.Thread(target=read)
        thread.start()
        with make(writer, "wb") as file:
            file.write(b"x" * 300_000)
        thread.join()
        """,
        before="from io import open as taken\n",
    )
    assert lines == ["True"]


def test_a_descriptor_may_be_given_by_name(patched) -> None:
    lines = patched("""
        import os, threading
        reader, writer = os.pipe()
        threading.Timer(0.01, os.write, [writer, b"a line\\n"]).start()
        print(next(open(mode="r", file=reader)).strip())
    """)
    assert lines == ["a line"]


def test_open_is_as_the_built_in_one_to_those_who_look(patched) -> None:
    lines = patched("""
        import inspect, io, pickle
        import weft.patch
        native = weft.patch.original("io").open
        assert open is io.open is not native
        assert pickle.loads(pickle.dumps(open)) is open
        assert inspect.signature(open) == inspect.signature(native)
        for name in ("__name__", "__module__", "__doc__", "__self__", "__qualname__"):
            assert getattr(open, name) == getattr(native, name), name
        print(open)
    """)
    assert lines == ["<built-in function open>"]


@pytest.mark.parametrize("file", ["'/does/not/exist'", "99", "-1", "2**70", "None"])
def test_errors_are_those_of_the_built_in_one(file, patched) -> None:
    lines = patched(f"""
        import traceback
        import weft.patch
        said = []
        for each in (open, weft.patch.original("io").open):
            try:
                each({file})
            except Exception as error:
                said.append((type(error), str(error)))
        print(said[0] == said[1])
    """)
    assert lines == ["True"]


def test_the_traceback_of_a_path_that_is_not_there_shows_nothing_of_weft(patched) -> None:
    lines = patched("""
        import traceback
        try:
            open("/does/not/exist")
        except FileNotFoundError as error:
            print(len(traceback.extract_tb(error.__traceback__)))
    """)
    assert lines == ["1"]


def test_files_on_a_disk_are_the_stdlibs_own(patched) -> None:
    lines = patched("""
        import os
        with open("data", "wb") as file, open(os.dup(file.fileno()), "ab") as second:
            print(type(file).__module__, type(second).__module__, type(second.raw).__module__)
    """)
    assert lines == ["_io _io _io"]
