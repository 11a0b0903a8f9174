"""The rooms of the house: who may import whom, as pyproject.toml says, and that no files import one another in turn."""

from graphlib import CycleError, TopologicalSorter

import grimp
import pytest
from importlinter import cli

from support import ROOT


def test_no_room_imports_upwards(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    code = cli.lint_imports(no_cache=True)
    assert code == cli.EXIT_STATUS_SUCCESS, capsys.readouterr().out


def test_no_files_import_in_a_circle() -> None:
    graph = grimp.build_graph("heedful", cache_dir=None)
    # A result that is shown asks the report to draw it, when it is shown and no sooner: the one exception.
    graph.remove_import(importer="heedful.results", imported="heedful.report.notebook")
    imports = {file: graph.find_modules_directly_imported_by(file) for file in graph.modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        pytest.fail(f"these import one another: {' <- '.join(error.args[1])}")
