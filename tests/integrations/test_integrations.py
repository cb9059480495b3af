"""How an integration reaches its driver, shown with a driver and an integration made up here."""

from pathlib import Path

import pytest

import weft.integrations
from weft.patch import _integrations

# A driver "slowdb", its integration, and what the table says of them.
DRIVER = """
import sys, types
from pathlib import Path

Path("slowdb.py").write_text("def query(): return 'in C'")
sys.path.insert(0, ".")

integration = types.ModuleType("weft.integrations.slowdb")
def patch(module):
    from weft.patch import _registry
    _registry.put(module, "query", lambda: "offloaded")
integration.patch = patch
sys.modules["weft.integrations.slowdb"] = integration

from weft.patch import _integrations
_integrations.TABLE["slowdb"] = "slowdb"
"""
ASK = "import slowdb; print(slowdb.query())"


@pytest.mark.parametrize(("before", "after"), [("", "import slowdb"), ("import slowdb", "")])
def test_a_driver_is_changed_whether_imported_after_the_patch_or_before(
    patched, before: str, after: str
) -> None:
    assert patched(f"{after}\n{ASK}", before=f"{DRIVER}\n{before}\n") == ["offloaded"]


def test_unpatch_takes_it_back_and_another_patch_changes_it_again(patched) -> None:
    lines = patched(
        f"""
        {ASK}
        weft.patch.unpatch()
        {ASK}
        weft.patch.all()
        weft.patch.all()
        {ASK}
        weft.patch.unpatch()
        {ASK}
        """,
        before=DRIVER,
    )
    assert lines == ["offloaded", "in C"] * 2


def test_what_a_class_inherits_is_inherited_again_after_unpatch(patched) -> None:
    lines = patched(
        """
        from weft.patch import _registry
        class Connection(dict): pass
        _registry.put(Connection, "clear", lambda self: print("green"))
        Connection().clear()
        weft.patch.unpatch()
        print(Connection().clear(), vars(Connection).get("clear"))
        """
    )
    assert lines == ["green", "None None"]


def test_without_sockets_drivers_stay_as_they_are(patched) -> None:
    lines = patched(
        f"""
        weft.patch.unpatch()
        weft.patch.all(socket=False)
        {ASK}
        weft.patch.socket()
        {ASK}
        """,
        before=DRIVER,
    )
    assert lines == ["in C", "offloaded"]


def test_a_driver_not_imported_costs_no_import(patched) -> None:
    lines = patched(
        "import sys; print([name for name in sys.modules if 'integrations.' in name])",
    )
    assert lines == ["[]"]


def test_one_that_fails_leaves_the_driver_whole_and_says_so(patched) -> None:
    lines = patched(
        ASK,
        before=f"{DRIVER}\n"
        "def fail(module):\n"
        "    patch(module)\n"
        "    raise AttributeError('slowdb has no connect')\n"
        "integration.patch = fail\n",
        complaint="RuntimeWarning: slowdb of this version stays as it is: "
        "weft.integrations.slowdb could not change it (AttributeError: slowdb has no connect). "
        "`weft doctor` says what for. Install a version that weft knows, or call one that waits "
        "in C through weft.offload",
    )
    assert lines == ["in C"]


def test_each_integration_is_in_the_table_and_there() -> None:
    folder = Path(weft.integrations.__file__).parent
    files = {path.stem for path in folder.glob("[!_]*.py")}
    assert files == set(_integrations.TABLE.values())
