"""Clips from every kind of file: a label for each step, or a plain word about why not; nothing lost on the way."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heedful.data.pictures.read import Form
from heedful.data.readers.rows import BadRow
from heedful.data.samples import steps as step_samples
from heedful.data.steps.forms import StepForm, open_asked, open_steps, read_array
from heedful.data.steps.punctuation import USUAL
from heedful.data.steps.read import Clip, read_clips
from heedful.data.steps.tables import channels_of
from heedful.data.steps.words import WordVocabulary
from heedful.errors import HeedfulError
from support import ROOT
from support.video_clips import frames, put, recipe

FRAMES = StepForm("frames", Form(8, "gray"))
SERIES = StepForm("series", channels=("x", "y"))
TOKENS = StepForm("tokens")
EXAMPLE = ROOT / "examples" / "digit_videos.py"


@pytest.fixture(autouse=True)
def change_to_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(file: str, form: StepForm, **data: Any) -> tuple[list[Clip], list[BadRow]]:
    bad: list[BadRow] = []
    return list(read_clips([file], recipe(file, bad_rows="skip", **data).data, form, bad.append)), bad


def problem_of(file: str, form: StepForm, **data: Any) -> str:
    """The only clip's problem, with where."""
    clips, bad = read(file, form, **data)
    assert not clips and len(bad) == 1
    return f"{bad[0].where}: {bad[0].problem}"


def test_a_folder_of_clips_with_labels_beside_them() -> None:
    frames("films/a.npy", 4)
    put("films/a.txt", "walk\n\nrun\nrun\n")
    frames("films/inner/b", 12, seed=1)
    put("films/inner/b.csv", "start,end,label\n8,12,run\n0,2,walk\n")
    put("films/c.csv", "x,y,label,seconds\n1,2,up,0.5\n3,4,_,0.7\n")
    put("films/readme.md", "hello")
    bad, skip_counts = [], Counter[str]()
    data = recipe("films", bad_rows="skip").data
    clips = list(read_clips(["films"], data, FRAMES, bad.append, skip_counts))
    assert [(clip.source, clip.labels) for clip in clips] == [
        ("films/a.npy", ("walk", "", "run", "run")),
        ("films/inner/b", ("walk", "walk", *[""] * 6, *["run"] * 4)),
    ]
    # frame10 stands behind frame9, and not behind frame1.
    assert (clips[1].steps.values[:, 0, 0, 0] == np.random.default_rng(1).integers(0, 256, 12, np.uint8)).all()
    assert [row.problem for row in bad] == ["films/c.csv holds series, and frames are read here"]
    assert skip_counts == {"other file of films": 1}
    series, _ = read("films/c.csv", SERIES)
    assert series[0].labels == ("up", "") and series[0].steps.seconds == (0.5, 0.7)
    assert series[0].steps.values.tolist() == [[1, 2], [3, 4]]
    with pytest.raises(HeedfulError, match=r"films/readme.md"):
        list(read_clips(["films/readme.md"], data, FRAMES, bad.append))
    with pytest.raises(HeedfulError, match="belongs to no group"):
        read("films", FRAMES, group="person")


@pytest.mark.parametrize(
    ("kind", "shape", "holds", "problem"),
    [
        ("<f8", (10**12, 8), 64, "cannot be read as .npy"),
        ("|u1", (10**5, 10**4, 10**4), 64, "cannot be read as .npy"),
        ("<f8", (10**30,), 64, "cannot be read as .npy"),
        ("<f4", (2 * 10**8, 8), 64 * 10**8, "has 1,600,000,000 numbers"),
        ("|u1", (1, 10**5, 10**5), 10**10, "has frames of 100,000 × 100,000 pixels"),
        ("|O", (2,), 64, "Python objects"),
    ],
)
def test_what_an_array_promises_is_refused_by_its_header(
    kind: str, shape: tuple[int, ...], holds: int, problem: str
) -> None:
    with Path("a.npy").open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": kind, "fortran_order": False, "shape": shape})
        stream.truncate(stream.tell() + holds)  # a hole, which takes no disk
    with pytest.raises(HeedfulError, match=problem) as error:
        read_array("a.npy")
    assert error.value.cure and error.value.problem.startswith("a.npy ")


def test_listings_name_clips_and_their_labels_in_three_ways() -> None:
    frames("clips/a.npy", 3)
    frames("clips/b.npy", 2, seed=1)
    put("clips/b.txt", "run\nwalk\n")
    put("clips/list.csv", "file_name,labels,who\na.npy,walk _ run,eva\nb.npy,b.txt,adam\n")
    clips, bad = read("clips/list.csv", FRAMES, group="who")
    assert not bad
    assert [(clip.source, clip.labels, clip.group, clip.where) for clip in clips] == [
        ("clips/a.npy", ("walk", "", "run"), "eva", "clips/list.csv line 2"),
        ("clips/b.npy", ("run", "walk"), "adam", "clips/list.csv line 3"),
    ]
    rows = [{"file_name": "a.npy", "start": "0", "end": "2", "label": "walk"}]
    rows.append({"file_name": "a.npy", "start": "2", "end": "9", "label": "run"})
    put("clips/list.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert read("clips/list.jsonl", FRAMES)[0][0].labels == ("walk", "walk", "run")
    put("clips/list.tsv", "film\tdoing\nb.npy\trun run\n")
    columns = {"source": "film", "target": "doing"}
    assert read("clips/list.tsv", FRAMES, columns=columns)[0][0].labels == ("run", "run")
    put("metadata/metadata.csv", "file_name,labels\n../clips/b.npy,run run\n")
    assert read("metadata", FRAMES)[0][0].labels == ("run", "run")


def test_bad_rows_say_where_and_why() -> None:
    frames("a.npy", 3)
    problems = {
        "file_name,labels\na.npy,walk run\n": "l.csv line 2: 2 labels for 3 frames",
        "file_name,labels\nb.npy,walk run\n": "l.csv line 2: There is no file b.npy",
        "file_name,labels\na.npy,b.txt\n": "l.csv line 2: there is no file b.txt",
        "file_name,labels\na.npy,../b.txt\n": "l.csv line 2: labels are read from files in the folder of the table",
        "file_name,labels\na.npy,/etc/b.txt\n": "l.csv line 2: labels are read from files in the folder of the table",
        "file_name,labels\na.npy,x x x\na.npy,x x x\n": "l.csv line 3: a.npy stands in line 2 too, and neither row",
        "file_name,start,end,label\na.npy,1,2,x\na.npy,0,1.5,y\n": "l.csv line 2: this row overlaps that of l.csv line",
        "file_name,start,end,label\na.npy,2,2,x\n": "l.csv line 2: the end is not behind the start",
        "file_name,start,end,label\na.npy,7,8,x\n": "l.csv line 2: no step begins in this row (the last of 3 steps beg",
        "file_name,start,end,label\na.npy,one,2,x\n": "l.csv line 2: start and end must be numbers",
    }
    for text, problem in problems.items():
        assert problem_of(put("l.csv", text), FRAMES).startswith(problem), text
        with pytest.raises(HeedfulError) as raised:
            list(read_clips(["l.csv"], recipe("l.csv").data, FRAMES, lambda bad: None))
        assert raised.value.problem.startswith(problem)
    assert problem_of("a.npy", FRAMES) == "a.npy: no labels stand beside it"
    put("a.txt", "x\nx\nx\n")
    put("a.csv", "label\nx\nx\nx\n")
    assert problem_of("a.npy", FRAMES) == "a.npy: two files of labels stand beside it"
    np.save("deep.npy", np.array([{"a": 1}]), allow_pickle=True)
    put("deep.txt", "x\n")
    assert "cannot be read as .npy" in problem_of("deep.npy", FRAMES)
    np.save("odd.npy", np.zeros((2, 2, 2, 7), np.uint8))
    put("odd.txt", "x\nx\n")
    assert "uint8 of 2 × 2 × 2 × 7, which is neither frames nor series" in problem_of("odd.npy", FRAMES)


def test_endings_in_capitals_and_blank_lines_behind_the_labels() -> None:
    Path(frames("upper/a.npy", 3)).rename("upper/a.NPY")
    put("upper/a.TXT", "x\n\ny\n\n\n")
    assert read("upper", FRAMES)[0][0].labels == ("x", "", "y")
    Path("upper/a.TXT").write_text("x\n\ny\nz\n\n")
    assert problem_of("upper", FRAMES) == "upper/a.TXT line 1: 4 labels for 3 frames"
    put("upper/METADATA.CSV", "file_name,labels\na.NPY,x y z\n")
    assert read("upper", FRAMES)[0][0].labels == ("x", "y", "z")
    for name, noun in (("zero.mp4", "a video"), ("zero.npy", "an array")):
        put(name, "")
        put("zero.txt", "x\n")
        assert problem_of(name, FRAMES).endswith(f"{name} is empty: 0 bytes are not {noun}")


def test_series_with_a_hole_are_refused_with_the_line() -> None:
    assert 's.csv line 3: column y has no number: ""' in problem_of(put("s.csv", "x,y,label\n1,2,a\n3,,b\n"), SERIES)
    assert 's.csv line 3: column x has no number: "nan"' in problem_of(
        put("s.csv", "x,y,label\n1,2,a\nnan,2,b\n"), SERIES
    )
    assert "s.csv line 3: 2 columns where" in problem_of(put("s.csv", "x,y,label\n1,2,a\n3,b\n"), SERIES)
    assert 's.csv line 3: column x "1e39" is more than float32 holds' in problem_of(
        put("s.csv", "x,y,label\n1,2,a\n1e39,2,b\n3e38,2,b\n"), SERIES
    )
    np.save("big.npy", np.array([[1, 2], [3, -1e300]]))
    put("big.txt", "a\nb\n")
    assert "big.npy: step 1 of channel 2 is -1e+300, which is more than float32 holds" in problem_of("big.npy", SERIES)
    put("s.csv", "x,z,label\n1,2,a\n")
    assert 'no column in s.csv called "y"' in problem_of("s.csv", SERIES)
    with pytest.raises(HeedfulError, match=r'column of labels in s\.csv called "labl"'):
        read("s.csv", SERIES, columns={"target": "labl"})
    np.save("n.npy", np.array([[1, 2], [np.inf, 4]]))
    put("n.txt", "a\nb\n")
    assert "step 1 of channel 1 is inf" in problem_of("n.npy", SERIES)
    np.save("n.npy", np.zeros((2, 3)))
    assert "has 3 channels, and 2 channels are read here: x, y" in problem_of("n.npy", SERIES)


@pytest.mark.parametrize("ending", [".csv", ".tsv"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|", " "])
@pytest.mark.parametrize("comma", [False, True])
@pytest.mark.parametrize("quoted", [False, True])
def test_series_by_any_separator_and_with_decimal_commas(
    ending: str, separator: str, comma: bool, quoted: bool
) -> None:
    if separator == "," and comma and not quoted:
        return
    cells = [["x", "y", "label"], ["0.5", "-1234.25", "up"], ["2", "3e-2", "down"], ["-.125", "7", "_"]]
    cells = [[cell.replace(".", ",") if comma else cell for cell in row] for row in cells]
    cells = [[f'"{cell}"' if quoted else cell for cell in row] for row in cells]
    file = put(f"s{ending}", "".join(separator.join(row) + "\n" for row in cells))
    [clip], bad = read(file, SERIES)
    assert not bad and clip.labels == ("up", "down", "")
    assert clip.steps.values.tolist() == np.array([[0.5, -1234.25], [2, 3e-2], [-0.125, 7]], np.float32).tolist()
    assert channels_of(file, recipe(file).data) == ("x", "y")


def test_a_comma_that_may_be_of_thousands_is_not_guessed() -> None:
    file = put("s.csv", 'x,y,label\n"1,500",2,a\n"2,250",2,a\n')
    assert 's.csv line 2: column x is "1,500": it is not clear what is a decimal' in problem_of(file, SERIES)
    file = put("s.csv", "x;y;label\n1,5;2;a\n1.5;2;a\n")
    assert 's.csv line 3: column x is "1.5": it is not clear what is a decimal' in problem_of(file, SERIES)
    file = put("s.csv", "x;y;label\n1,500;2;a\n1.000,25;2;a\n")
    assert read(file, SERIES)[0][0].steps.values.tolist() == [[1.5, 2], [1000.25, 2]]
    frames("a.npy", 3)
    put("a.csv", "start;end;label\n0;1,5;x\n2;3;y\n")
    assert read("a.npy", FRAMES)[0][0].labels == ("x", "x", "y")
    put("l.csv", "file_name;labels\na.npy;x y z\n")
    assert read("l.csv", FRAMES)[0][0].labels == ("x", "y", "z")


def test_punctuation_of_asked_texts_is_cut_as_that_of_training() -> None:
    names = [f"word{number}" for number in range(500)]
    conll, glued = [".", ",", '"', "(", ")", "...", "Mr.", "'s", *names], [*names, "word9,", "x.", "y.", *names]
    text = '"Anna\u00a0Lee" (U.N.), Mr. X. came... Berlin. 3,5 it\'s J. word9! no'
    asked = {"conll": StepForm("tokens", vocabulary=WordVocabulary(conll, ())), "plain": TOKENS}
    asked["glued"] = StepForm("tokens", vocabulary=WordVocabulary(glued, ()))
    apart = '" Anna\u00a0Lee " ( U.N. ) , Mr. X. came ... Berlin . 3,5 it\'s J. word9! no'
    assert open_asked(text, asked["conll"]).words == tuple(apart.split(" "))
    assert open_asked(apart, asked["conll"]).words == tuple(apart.split(" "))
    assert USUAL.cut(text.split(" ")) == tuple(apart.replace("word9!", "word9 !").split(" "))
    for form in (asked["plain"], asked["glued"]):
        assert open_asked(text, form).words == tuple(text.split(" "))
    assert open_asked(text.replace(" ", "\t"), asked["conll"]).words == tuple(text.split(" "))
    assert open_steps(text, asked["conll"]).words == tuple(text.split(" "))


CONLLU = """# newdoc id = news
# sent_id = 1
1-2\tdo\t_\t_\t_\t_\t_\t_\t_\t_
1\tde\tde\tADP\t_\t_\t_\t_\t_\t_
2\to\to\tDET\t_\t_\t_\t_\t_\t_
2.1\tghost\t_\tX\t_\t_\t_\t_\t_\t_
3\t10 000\t_\tNUM\t_\t_\t_\t_\t_\t_

# newdoc id = tales
1\t#\t#\t_\tSYM\t_\t_\t_\t_\t_


1\tlost\n
"""


@pytest.mark.parametrize("numbered", [False, True])
def test_a_lone_number_is_a_word_and_a_comment_is_none(numbered: bool) -> None:
    """Whether lines are numbered is a fact of the file; a comment may have as many parts as a line has columns."""
    sentences = [["Chapter", "1", "begins"], ["Gent", "1", "Oslo", "2"], ["1"], ["a", "1-2", "b"], ["1.1", "c"]]
    lines = [
        f"# id = {number}\n"
        + "".join(f"{f'{at} ' * numbered}{word} NN B-NP L{at}\n" for at, word in enumerate(sentence, 1))
        for number, sentence in enumerate(sentences)
    ]
    put("a.conll", "\n".join(lines))
    clips, skip_counts = read("a.conll", TOKENS, group="id")[0], Counter[str]()
    list(read_clips(["a.conll"], recipe("a").data, TOKENS, print, skip_counts))
    assert [list(clip.steps.words) for clip in clips] == sentences and not skip_counts
    assert [clip.labels[-1] for clip in clips] == [f"L{len(sentence)}" for sentence in sentences]
    assert [clip.group for clip in clips] == ["0", "1", "2", "3", "4"]


def test_a_line_without_tabs_among_words_with_tabs_is_a_comment() -> None:
    put("a.conll", "".join(f"# part {number}\n{word}\tNN\tO\n#\tSYM\tO\n\n" for number, word in enumerate("abc")))
    clips = read("a.conll", TOKENS)[0]
    assert [list(clip.steps.words) for clip in clips] == [["a", "#"], ["b", "#"], ["c", "#"]]


def test_conll_columns() -> None:
    skip_counts, bad = Counter[str](), []
    put("a.conllu", CONLLU)
    clips = list(
        read_clips(["a.conllu"], recipe("a", bad_rows="skip", group="newdoc id").data, TOKENS, bad.append, skip_counts)
    )
    assert [(clip.source, clip.labels, clip.group, clip.line) for clip in clips] == [
        ("de o 10\u00a0000", ("ADP", "DET", "NUM"), "news", 1),
        ("#", ("",), "tales", 9),
    ]
    assert clips[0].steps.words == ("de", "o", "10\u00a0000")
    assert [row.where for row in bad] == ["a.conllu line 13"] and "2 columns where 4 are needed" in bad[0].problem
    assert skip_counts == {"multiword range of a.conllu": 1, "empty node of a.conllu": 1}
    assert read("a.conllu", TOKENS, columns={"target": "xpos"})[0][1].labels == ("SYM",)
    put("ner.conll", "-DOCSTART- -X- O\n\n# a remark\nU.N. NNP B-ORG\n# NN O\n\n1999 CD O\n")
    assert [clip.labels for clip in read("ner.conll", TOKENS)[0]] == [("B-ORG", "O"), ("O",)]
    assert read("ner.conll", TOKENS, columns=["1", "2"])[0][1].labels == ("CD",)
    for data, words in (
        ({"columns": {"target": "UPSO"}}, 'no column "UPSO" in CoNLL. Did you mean "UPOS"'),
        ({"group": "newdoc"}, 'no comment in a.conllu called "newdoc". Did you mean "newdoc id"'),
    ):
        with pytest.raises(HeedfulError, match=words):
            read("a.conllu", TOKENS, **data)


def test_composed_clips_are_what_they_say() -> None:
    name = "sample://digit-clips/{}/{}"
    digits: dict[str, set[bytes]] = {}
    for split in step_samples.SPLITS:
        digits[split] = {picture.tobytes() for pictures in step_samples.digits(split) for picture in pictures}
    assert [len(digits[split]) for split in step_samples.SPLITS] == [3500, 500, 1000]
    assert (
        not digits["train"] & digits["test"]
        and not digits["train"] & digits["valid"]
        and not digits["valid"] & digits["test"]
    )
    changed = []
    for number in range(200):
        films, labels = step_samples.digit_clip("valid", number)
        current, previous = (step_samples.digit_labels(f"digit-clips/{task}", labels) for task in "ab")
        changes = [step for step in range(1, 40) if current[step] != current[step - 1]]
        assert changes and previous[: changes[0]] == ("",) * changes[0]
        assert all(previous[step] == current[step - 1] for step in changes)
        assert all(previous[step] == previous[step - 1] for step in range(1, 40) if step not in changes)
        changed.append(len(changes))
    assert np.mean(changed) / 39 == pytest.approx(1 / 8, abs=0.02)
    # The one digit is a real one, and stands where nothing else is.
    for step in (0, 39):
        rows, columns = (np.flatnonzero(films[step].any(axis=axis)) for axis in (1, 0))
        crop = films[step][rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        real = step_samples.digits("valid")[labels[step]]
        matches = [
            picture
            for picture in real
            if (picture[picture.any(1)][:, picture.any(0)].shape == crop.shape) and picture.sum() == crop.sum()
        ]
        assert matches
    values = step_samples.values(name.format("b", "test") + "#7")[0]
    step_samples.digit_clip.cache_clear()
    assert (step_samples.values(name.format("a", "test") + "#7")[0] == values).all()
    with pytest.raises(HeedfulError, match="There is no sample://digit-clips/a/test#400"):
        step_samples.values(name.format("a", "test") + "#400")
    with pytest.raises(HeedfulError, match='Did you mean "valid"'):
        next(step_samples.read("sample://digit-clips/a/vald"))


def test_written_as_videos_the_clips_are_the_same() -> None:
    subprocess.run([sys.executable, str(EXAMPLE), "b", "test", "3"], check=True, capture_output=True)
    form = StepForm("frames", Form(40, "gray"))
    clips, bad = read("data/digit-videos/b/test", form)
    real = list(read_clips(["sample://digit-clips/b/test"], recipe("a").data, form, bad.append))[:3]
    assert not bad and [clip.labels for clip in clips] == [clip.labels for clip in real]
    for decoded, composed in zip(clips, real, strict=True):
        assert decoded.steps.seconds == pytest.approx(np.arange(40) / 10)
        assert np.abs(decoded.steps.values.astype(int) - composed.steps.values).mean() < 3


def test_portuguese_sentences_part_by_their_text() -> None:
    texts = {
        split: [sentence.source for sentence in step_samples.read(f"sample://porttinari/{split}")]
        for split in ("train", "test")
    }
    assert len(texts["train"]) > 6000 and len(texts["test"]) > 700
    assert not set(texts["train"]) & set(texts["test"])
