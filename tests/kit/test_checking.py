"""The checks speak alike: each has `--help`, and what they print has one form."""

import runpy

import pytest

from tests.kit import checking


@pytest.mark.parametrize("name", ["corpus", "faults", "fuzz", "benchmarks", "mutation"])
def test_a_check_says_how_it_is_run(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--help` prints the use and ends at once, whatever the check needs to run."""
    monkeypatch.setattr("sys.argv", [name, "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(f"tests.checks.{name}", run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: python -m tests.checks.{name} ")


def test_progress_and_summary(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no line can be rewritten, progress is a line now and then; the summary is one line."""
    monkeypatch.setattr(checking, "EVERY", -1.0)
    assert list(checking.followed("cases", ["a", "b"])) == ["a", "b"]
    checking.sum_up("2 cases, all well")
    printed = capsys.readouterr()
    assert printed.err == "cases: 1 of 2\ncases: 2 of 2\n"
    assert printed.out == "summary: 2 cases, all well\n"
