"""The page on deadlocks shows what is printed."""

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "deadlocks.md"


def test_the_report_on_the_page_is_the_one_that_is_printed(run_python, tmp_path: Path) -> None:
    program, report = re.findall(r"```(?:py|text)\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "bank.py").write_text(program)
    done = run_python("-m", "weft", "run", "bank.py")
    assert done.stdout == ""
    assert done.stderr.startswith("Traceback (most recent call last):\n")
    assert done.stderr.endswith(f"\n{report}")
