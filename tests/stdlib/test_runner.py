"""The runner of CPython's tests, on a module of our own in which everything goes wrong."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FAKE = "fake_module.Fake"


@pytest.fixture
def runner(monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.setenv("PYTHONPATH", str(HERE / "fakes"))
    yield
    for name in ("watch", "judge", "modules"):
        sys.modules.pop(name, None)


@pytest.fixture
def outcomes(runner, monkeypatch, tmp_path):
    """What the tests of the fake module came to, by their names, run patched or not."""
    import watch

    def run(patched: bool, **more) -> dict[str, str]:
        monkeypatch.setattr(watch, "PATIENCE", 4.0)
        order = watch.Order("fake_module", patched=patched, log=tmp_path / "log", **more)
        records = watch.run_module(order)
        return {name: each["outcome"] for name, each in records.items()}

    return run


def test_every_test_has_a_record(outcomes) -> None:
    assert outcomes(patched=True) == {
        f"{FAKE}.test_a_passes": "pass",
        f"{FAKE}.test_b_fails": "fail",
        f"{FAKE}.test_c_raises": "error",
        f"{FAKE}.test_d_skips": "skip",
        f"{FAKE}.test_e_hangs": "hang",
        f"{FAKE}.test_f_crashes": "crash",
        f"{FAKE}.test_g_exits": "crash",
        f"{FAKE}.test_h_leaves_a_child_that_runs_on": "pass",
        f"{FAKE}.test_i_fails_in_one_of_its_parts": "fail",
        f"{FAKE}.test_j_fails_as_expected": "pass",
        f"{FAKE}.test_k_is_patched": "pass",
        f"{FAKE}.test_l_never_waits": "skip",
        "fake_module.Skipped.test_is_skipped": "skip",
        "setUpClass (fake_module.BadClass)": "hang",
        "fake_module.LastClass.test_is_set_up": "pass",
    }


def test_without_the_patch_a_process_is_not_patched(outcomes) -> None:
    assert outcomes(patched=False, pattern="patched") == {f"{FAKE}.test_k_is_patched": "fail"}


def test_a_module_runs_under_the_seeded_scheduler(outcomes) -> None:
    assert outcomes(patched=True, seed=3, pattern="passes") == {f"{FAKE}.test_a_passes": "pass"}


def test_a_module_that_cannot_be_imported_is_an_error(runner, tmp_path) -> None:
    import watch

    records = watch.run_module(watch.Order("no_such_module", patched=False, log=tmp_path / "log"))
    assert [each["outcome"] for each in records.values()] == ["error"]
    assert list(records) == ["import no_such_module"]


def test_only_what_passes_unpatched_is_expected(runner) -> None:
    import judge

    good, bad, hang = ({"outcome": kind, "reason": ""} for kind in ("pass", "fail", "hang"))
    before = {"both": good, "worse": good, "gone": good, "better": bad, "neither": bad}
    after = {"both": good, "worse": hang, "better": good, "neither": bad, "new": bad}
    verdict = judge.judge(before, after, {"worse": {}, "both": {}})
    assert (verdict.expected, verdict.passed) == (3, 1)
    assert list(verdict.failures) == ["gone", "new"]
    assert list(verdict.excepted) == ["worse"]
    assert verdict.needless == ["both"]
    assert not verdict.good


def test_an_exception_for_want_of_preemption_must_pass_with_it(runner) -> None:
    import judge

    before = {"one": {"outcome": "pass", "reason": ""}}
    listed = {"one": {"preempt": True}}
    for outcome, good in ((judge.PREEMPTED, True), ("hang", False)):
        after = {"one": {"outcome": outcome, "reason": ""}}
        assert judge.judge(before, after, listed).good == good


def test_a_test_may_be_run_preempted(outcomes) -> None:
    busy = f"{FAKE}.test_l_never_waits"
    assert outcomes(patched=True, preempt=True, only=[busy]) == {busy: "pass"}


def test_every_exception_has_its_reason_and_detail(runner) -> None:
    import judge

    for version in ("3.11", "3.12", "3.13"):
        assert all(entry["reason"] for entry in judge.exceptions(version).values())
