"""What `label --rows -o` writes is read again as it was: clips with seconds or without, series, words."""

import os
from pathlib import Path

import numpy as np
import pytest

from heedful.cli.segments import segment_lines, word_lines
from heedful.data.pictures.read import Form
from heedful.data.steps.forms import StepForm, words_of
from heedful.data.steps.read import Clip, read_clips
from heedful.errors import HeedfulError
from heedful.results import Answer, Track
from support.hostile_files import write as write_video
from support.video_clips import frames, put, recipe

NAMES = ["walk", 'say "no", twice', "ça va", "a  b", "'", '"', "#", "start", "1,5", "x;y|z"]


@pytest.fixture(autouse=True)
def change_to_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def answer(source: str, steps: int, seconds: tuple[float, ...] = (), seed: int = 0) -> Answer:
    draw = np.random.default_rng(seed)
    labels = tuple(NAMES[draw.integers(len(NAMES))] for _ in range(steps))
    track = Track(tuple(NAMES), labels, (), seconds, words=words_of(source))
    return Answer(source, "\t".join(labels), 0.0, 0.0, labels, track=track)


def written(file: str, lines: list[str]) -> str:
    return put(file, "".join(line + "\n" for line in lines))


def read(file: str, form: StepForm) -> list[Clip]:
    return list(read_clips([file], recipe(file).data, form, lambda bad: None))


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".CSV"])
@pytest.mark.parametrize("clips", [1, 4])
def test_segments_are_read_as_they_were_written(ending: str, clips: int) -> None:
    """From another folder than the clips', whose names need quotes; a clip asked for twice stands there once."""
    put("found/keep", "")
    seconds = tuple(np.cumsum(np.random.default_rng(1).uniform(0.001, 2, 30)).tolist())
    for number in range(clips):
        rows = "".join(f"{time!r},{step},0\n" for step, time in enumerate(seconds))
        put(f"a, b/{number};'x.csv", f"seconds,x,y\n{rows}")
    asked = [answer(f"a, b/{number};'x.csv", 30, seconds, seed=number) for number in range(clips)]
    file = f"found/rows{ending}"
    written(file, list(segment_lines([*asked, asked[0]], Path(file))))
    found = read(file, StepForm("series", channels=("x", "y")))
    assert [os.path.normpath(clip.source) for clip in found] == [clip.source for clip in asked]
    assert [clip.labels for clip in found] == [clip.tokens for clip in asked]
    films = [answer(frames(f"{number}.npy", 12, seed=number), 12, seed=number) for number in range(clips)]
    films.append(answer(write_video("a.mp4"), 20, tuple(step / 10 for step in range(20))))
    written(file, list(segment_lines(films, Path(file))))
    assert [clip.labels for clip in read(file, StepForm("frames", Form(8, "gray")))] == [clip.tokens for clip in films]


def test_words_are_read_as_they_were_written() -> None:
    texts = ["# 1 # end", "1 2 3", "-x- _ _", "10\u00a0000 a\u2028b", "1-2 1.1", "# id = 7"]
    asked = [answer(text, len(text.split(" ")), seed=number) for number, text in enumerate(texts)]
    for shift in range(len(asked)):
        turned = asked[shift:] + asked[:shift]
        written("words.conll", list(word_lines(turned, Path("words.conll"))))
        found = read("words.conll", StepForm("tokens"))
        assert [(clip.source, clip.labels) for clip in found] == [(one.source, one.tokens) for one in turned]


def test_an_ending_that_training_would_not_read_is_refused() -> None:
    for lines, name in ((segment_lines, "a.txt"), (word_lines, "a.csv")):
        with pytest.raises(HeedfulError, match="Name one that ends in"):
            list(lines([answer("a", 1)], Path(name)))
    with pytest.raises(HeedfulError, match=r"csv or \.jsonl"):
        list(segment_lines([answer("a\tb.csv", 1)], Path("a.tsv")))
