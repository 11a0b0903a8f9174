"""In a notebook's kernel progress is one bar in one place; in a shell and in a pipe there is none."""

import io
import re
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from heedful.errors import HeedfulError
from heedful.training import progress
from heedful.training.progress import Bar, Lines, NotebookBar, terminal


class Kernel:
    """What IPython gives a cell, kept: it is no package that we need, so it is made here after its documentation."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, shell: Any) -> None:
        self.shown: list[str] = []
        self.places = 0
        package, display = ModuleType("IPython"), ModuleType("IPython.display")
        vars(package).update(get_ipython=lambda: shell, __path__=[])
        vars(display).update(HTML=str, display=self.display)
        monkeypatch.setitem(sys.modules, "IPython", package)
        monkeypatch.setitem(sys.modules, "IPython.display", display)

    def display(self, html: str, display_id: bool) -> SimpleNamespace:
        assert display_id
        self.places += 1
        self.shown.append(html)
        return SimpleNamespace(update=self.shown.append)


def test_a_notebook_has_one_bar_in_one_place(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kernel, now = Kernel(monkeypatch, SimpleNamespace(kernel=object())), [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with pytest.raises(KeyError), terminal() as listener:
        assert isinstance(listener, NotebookBar)
        listener.note("2,000 pairs")
        listener.begin("<b>", "1 minute")
        for step in range(6000):
            now[0] = step / 100
            listener.step(step / 6000, "loss <2.1>")
        raise KeyError
    values = [float(value) for html in kernel.shown for value in re.findall(r'value="([\d.]+)"', html)]
    assert kernel.places == 1 and 60 <= len(kernel.shown) <= 122 and values == sorted(values) and values[-1] > 0.99
    assert "1 minute" in kernel.shown[0] and "0:30, 0:30 left  loss &lt;2.1&gt;" in "".join(kernel.shown)
    assert all("&lt;b&gt;" in html and "<b>" not in html for html in kernel.shown)
    assert capsys.readouterr() == ("2,000 pairs\n", "")


def test_a_shell_and_a_pipe_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert type(terminal()) in (Lines, Bar)
    Kernel(monkeypatch, SimpleNamespace())
    assert type(terminal()) in (Lines, Bar)
    Kernel(monkeypatch, SimpleNamespace(kernel=object()))
    assert type(terminal(io.StringIO())) is Lines


def test_a_line_beside_results_and_an_error_of_a_person_are_no_alarm_in_a_notebook(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    progress.say("shell")
    Kernel(monkeypatch, SimpleNamespace(kernel=object()))
    progress.say("notebook")
    assert capsys.readouterr() == ("notebook\n", "shell\n")
    assert HeedfulError("a.tsv is empty.", "Fill it.")._render_traceback_() == [
        "HeedfulError: a.tsv is empty.\n  Fill it."
    ]
