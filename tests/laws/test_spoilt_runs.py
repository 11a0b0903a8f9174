"""Folders of models as accidents leave them: whatever stands in their files, they answer, or are refused in words."""

import json
import os
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import heedful
from heedful.errors import HeedfulError
from laws.written_by_0_1_0.record import QUESTIONS, workplace
from support.sampling import SIZE

RUNS = ["classify-texts", "caption", "complete", "draw", "fill", "label-series", "label-tokens", "match"]
RUNS += ["translate-attention", "translate-transformer"]
EXAMPLES = 20 if SIZE == "sample" else 400
VALUES = (None, True, "", "x", 0, -1, 1, 2.5, 10**12, 10**400, "\x1b[31m", [], {}, [[]], {"a": 1}, ["a", "a"])
BYTES = st.tuples(st.floats(0, 1), st.integers(0, 60), st.binary(max_size=8))
VALUE = st.tuples(st.integers(0, 10**6), st.sampled_from(VALUES))


def replace_value(tree: Any, number: int, value: Any) -> Any:
    """The tree with one of its values, counted in order of reading, replaced."""
    places = [(parent, key) for parent, key in walk([tree])]
    holder = [tree]
    parent, key = places[number % len(places)]
    (holder if parent == [tree] else parent)[key] = value
    return holder[0]


def walk(tree: Any) -> Any:
    """Each (container, key) of a tree of lists and tables."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in list(items):
        yield tree, key
        if isinstance(value, dict | list):
            yield from walk(value)


def spoil(file: Path, edit: tuple[float, int, bytes] | tuple[int, Any]) -> bytes:
    """The content of a file with bytes exchanged, or, where it is JSON, with a value exchanged."""
    content = file.read_bytes()
    if len(edit) == 2 and file.suffix == ".json":
        return json.dumps(replace_value(json.loads(content), *edit)).encode()
    place, removed, inserted = edit if len(edit) == 3 else (edit[0] / 10**6, 1, b"\0")
    start = int(place * len(content))
    return content[:start] + inserted + content[start + removed :]


@pytest.mark.parametrize("name", RUNS)
def test_a_spoilt_model_answers_or_is_refused_in_words(name: str, tmp_path: Path) -> None:
    words = [word for word in QUESTIONS[name].commands[0][2:] if not word.startswith("--") and "=" not in word]
    inputs = [word for word in words if not word.isdigit()][:2]
    with workplace(tmp_path, name) as run:
        files = sorted(path for path in (run / "finished").iterdir() if path.is_file() and path.name != "metrics.jsonl")
        heedful.load(run / "finished").answer(inputs)

        @settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
        @given(st.sampled_from(files), st.one_of(BYTES, VALUE))
        def answer(file: Path, edit: tuple[float, int, bytes] | tuple[int, Any]) -> None:
            with TemporaryDirectory() as folder:
                for neighbour in (run / "finished").iterdir():
                    if neighbour != file:
                        os.symlink(neighbour.resolve(), Path(folder) / neighbour.name)
                (Path(folder) / file.name).write_bytes(spoil(file, edit))
                with suppress(HeedfulError):
                    heedful.load(folder).answer(inputs)

        answer()
