"""The rooms of the house: who may import whom, as pyproject.toml says."""

import pytest
from importlinter import cli

from support import ROOT


def test_no_room_imports_upwards(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    code = cli.lint_imports(no_cache=True)
    assert code == cli.EXIT_STATUS_SUCCESS, capsys.readouterr().out
