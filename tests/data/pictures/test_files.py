"""Folders, tables and arrays of pictures: every layout gives its rows, every bad row its own plain line."""

import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from heedful.data.fingerprint import identity
from heedful.data.pairs.check import check_pairs
from heedful.data.pairs.coders import ClassNames
from heedful.data.pairs.kind import PairKind
from heedful.data.pairs.prepared import example_notes, examples
from heedful.data.pairs.read import read_pairs
from heedful.data.pictures.read import Form, header, read_picture, read_pictures
from heedful.data.prepare import prepare
from heedful.data.readers.files import file_notes
from heedful.data.readers.rows import BadRow
from heedful.errors import HeedfulError
from heedful.recipe import build, parse
from heedful.schema import DataSettings
from heedful.training import decide

GRAY = Form(8, "gray")


@pytest.fixture(autouse=True)
def change_to_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are named as a user in their folder would name them."""
    monkeypatch.chdir(tmp_path)


def data(*settings: str) -> DataSettings:
    return build("classify", parse(settings)).data


def rows_of(file: str, *settings: str) -> list[tuple[str, str]]:
    def fail_on_bad_row(bad: BadRow) -> None:
        raise AssertionError(bad)

    return [(pair.source, pair.target) for pair in read_pairs([file], data(*settings), fail_on_bad_row)]


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def save(path: str, pixels: np.ndarray | None = None, **options: object) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise(len(path), 8, 8, 3) if pixels is None else pixels).save(path, **options)  # type: ignore[arg-type]


def first_line(error: HeedfulError) -> str:
    return str(error).splitlines()[0]


def test_a_folder_a_class() -> None:
    for path in ("p/dog/2.JPG", "p/dog/10.jpg", "p/cat/a/1.png", "p/cat/.2.png", "p/.git/x/3.png"):
        save(path)
    Path("p/notes.md").write_text("about")
    expected = [("p/cat/a/1.png", "cat"), ("p/dog/10.jpg", "dog"), ("p/dog/2.JPG", "dog")]
    assert rows_of("p") == rows_of("p/") == expected
    assert file_notes(["p", "p"], data()) == [
        "p: passed over 1 file without a picture's ending (first: p/notes.md)",
        "p: passed over 2 hidden or system files (first: p/.git)",
    ]


@pytest.mark.parametrize(("header", "rows"), [("picture\ttext", 2), ("Bild\tText", 3)])
def test_a_table_of_pictures_and_texts(header: str, rows: int) -> None:
    """A header of usual names is one; one in another language is a row, and hides no other from its picture."""
    for name in ("1.png", "2.png"):
        save(f"set/{name}")
    Path("set/rows.tsv").write_text(f"{header}\n1.png\ta sun\n2.png\ta sea\n")
    found = rows_of("set/rows.tsv")
    assert found[-2:] == [("set/1.png", "a sun"), ("set/2.png", "a sea")] and len(found) == rows


def test_what_archives_and_systems_add_changes_no_row() -> None:
    """A folder is read alike as it is, beside system files, and unpacked into further folders; both are reported."""
    for path in ("sun/1.png", "sun/b/1.png", "sea/1.png"):
        save(f"zip/my data/{path}")
    for name in ("._1.png", "sea/Thumbs.db", "sun/.ipynb_checkpoints/1.png", "__MACOSX/sun/._1.png"):
        Path("zip/my data", name).parent.mkdir(parents=True, exist_ok=True)
        Path("zip/my data", name).write_bytes(b"\0\5")
    found = rows_of("zip")
    assert found == [(f"zip/my data/{name}", name[:3]) for name in ("sea/1.png", "sun/1.png", "sun/b/1.png")]
    assert file_notes(["zip"], data()) == [
        "zip: all pictures lie in zip/my data, and that folder is read",
        "zip: passed over 4 hidden or system files (first: zip/my data/._1.png)",
    ]
    Path("zip/my data/metadata.csv").write_text("file_name,label\nsun/1.png,day\n")
    assert rows_of("zip") == [("zip/my data/sun/1.png", "day")]
    for path in ("photos/cat/1.png", "photos/cat/more/2.png"):
        save(path)
    assert {target for _, target in rows_of("photos")} == {"cat"}


def test_names_of_a_class_in_several_forms_are_one_class(tmp_path: Path) -> None:
    """Alike to the eye is one class, in training and when scored; others that nearly are the same are reported."""
    composed, decomposed = "Caf\u00e9", "Cafe\u0301"
    names = [composed, decomposed, "hot dog", " hot  dog ", "HotDog", "sea"]
    for number in range(12):
        save(f"{number}.png", noise(number, 8, 8))
    Path("t.csv").write_text("file_name,label\n" + "".join(f"{n}.png,{names[n % 6]}\n" for n in range(12)))
    recipe = build("classify", parse(["data.train=t.csv", "data.valid=t.csv", "data.overlap=keep"]))
    said: list[str] = []
    prepared = prepare(PairKind(("picture", "name")), recipe, tmp_path / "run", said.append, decide)
    assert prepared.target.names == (composed, "HotDog", "hot dog", "sea")
    assert (
        f'one class: "{decomposed}" (4) and "{composed}" (4), whose names differ by composed characters (NFC, NFD)'
        in said
    )
    assert 'one class: " hot  dog " (4) and "hot dog" (4), whose names differ by blanks' in said
    assert '2 classes: "HotDog" (4) and "hot dog" (8), whose names differ by case or blanks alone' in said
    of_0_1_0 = ClassNames(["cat", "cat ", decomposed])
    assert [of_0_1_0.find(name) for name in ("cat ", " cat", composed, "dog ")] == ["cat ", "cat", decomposed, "dog"]
    notes = example_notes(["t.csv"], data(), ClassNames([decomposed, "HotDog", "hot dog"]))
    assert '2 rows with 1 class name that the model does not know (first: "sea"): each counts as wrong' in notes
    assert any(note.startswith("2 class names in another form") for note in notes)


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_metadata_inside_a_folder_and_tables_beside_pictures(kind: str) -> None:
    names = ["b/2.png", "b/1.png"]
    for name in ["b/3.png", *names]:
        save(f"p/{name}")
    if kind == "csv":
        text = "file_name,label,who\n" + "".join(f"{name},{n},me\n" for n, name in enumerate(names))
    else:
        text = "".join(json.dumps({"file_name": name, "label": n, "who": "me"}) + "\n" for n, name in enumerate(names))
    Path(f"p/metadata.{kind}").write_text(text)
    expected = [("p/b/2.png", "0"), ("p/b/1.png", "1")]
    assert rows_of("p") == rows_of(f"p/metadata.{kind}") == expected
    assert [pair.group for pair in read_pairs(["p"], data("data.group=who"), print)] == ["me", "me"]
    assert rows_of("p", "data.columns.target=who")[0] == ("p/b/2.png", "me")
    assert rows_of(f"p/metadata.{kind}", "data.columns=file_name,who")[0] == ("p/b/2.png", "me")
    note = f"p: passed over 1 picture that metadata.{kind} does not name (first: p/b/3.png)"
    assert file_notes(["p"], data()) == [note]


def test_any_table_by_columns() -> None:
    save("p/1.png")
    Path("p/t.csv").write_text("id,path,caption\n7,1.png,a cat\n8,2.png,a dog\n")
    Path("p/t.tsv").write_text("path\tcaption\n1.png\ta cat\n")
    columns = ["data.columns.source=path", "data.columns.target=caption"]
    assert rows_of("p/t.csv", *columns) == [("p/1.png", "a cat"), ("2.png", "a dog")]
    assert rows_of("p/t.csv", "data.columns=2,3")[0] == rows_of("p/t.tsv", *columns)[0] == ("p/1.png", "a cat")
    Path("several.jsonl").write_text(
        '{"file_name": "p/1.png", "text": "one"}\n{"file_name": "p/1.png", "text": "two"}\n'
    )
    assert rows_of("several.jsonl") == [("p/1.png", "one"), ("p/1.png", "two")]


def test_a_text_beside_each_picture() -> None:
    save("p/b.png")
    save("p/a/c.jpg")
    Path("p/b.txt").write_text("a cat\n\n a small cat \n")
    Path("p/a/c.txt").write_text("a dog")
    Path("p/readme.txt").write_text("about")
    assert rows_of("p") == [("p/a/c.jpg", "a dog"), ("p/b.png", "a cat"), ("p/b.png", "a small cat")]
    note = "p: passed over 1 file without a picture's ending (first: p/readme.txt)"
    assert file_notes(["p"], data()) == [note]


def test_pictures_as_bytes_in_parquet() -> None:
    """As data sets of Hugging Face hold them: the pixels are those of the files, in any order."""
    for number in range(40):
        save(f"p/{number}.png", noise(number, 8, 8))
    rows = [{"bytes": Path(f"p/{n}.png").read_bytes(), "path": f"{n}.png"} for n in range(40)]
    rows[38], rows[39] = {"bytes": None, "path": "39.png"}, {"bytes": None, "path": None}
    table = {"image": rows, "label": list(range(40))}
    pq.write_table(pa.table(table), "p/t.parquet", row_group_size=7)
    pq.write_table(pa.table({"photo": [row["bytes"] for row in rows[:38]]}), "bytes.parquet")
    found = rows_of("p/t.parquet")
    assert (
        found
        == rows_of("p/t.parquet", "data.columns=image,label")
        == rows_of("p/t.parquet", "data.columns.target=label")
    )
    assert found[3] == ("p/t.parquet#image#3", "3") and len(found) == 40
    for number in [*range(38), *noise(0, 20) % 38]:
        pixels = read_picture(f"p/{number}.png", GRAY)
        assert (read_picture(f"p/t.parquet#image#{number}", GRAY) == pixels).all()
        assert (read_picture(f"bytes.parquet#photo#{number}", GRAY) == pixels).all()
    assert (read_picture("p/t.parquet#image#38", GRAY) == read_picture("p/39.png", GRAY)).all()
    for row, problem in (("39", "p/t.parquet row 40: there is no picture in the column image."), ("40", "has 40 rows")):
        with pytest.raises(HeedfulError, match=problem):
            read_picture(f"p/t.parquet#image#{row}", GRAY)
    scored = examples(["p/t.parquet"], data("data.bad_rows=skip"), lambda bad: None, pictures=True)
    assert [example.references for example in scored] == [(str(number),) for number in range(39)]


def test_classes_have_the_names_that_a_parquet_file_tells() -> None:
    """As datasets writes them: -1 is no class, and what is none by its number is a bad row."""
    datasets = pytest.importorskip("datasets")
    names = ["truck", "bird"]
    features = datasets.Features(
        {"image": datasets.Image(), "text": datasets.Value("string"), "label": datasets.ClassLabel(names=names)}
    )
    save("1.png")
    rows = {"image": ["1.png"] * 3, "text": ["a", "b", "c"], "label": [-1, 1, 0]}
    datasets.Dataset.from_dict(rows, features=features).to_parquet("pictures.parquet")
    table = pq.read_table("pictures.parquet").drop_columns("image")
    broken = pa.table({"text": ["d"], "label": pa.array([2], table.schema.field("label").type)}, schema=table.schema)
    pq.write_table(pa.concat_tables([table, broken]), "texts.parquet")
    for file, sources in (
        ("pictures", ["pictures.parquet#image#1", "pictures.parquet#image#2"]),
        ("texts", ["b", "c"]),
    ):
        bad: list[BadRow] = []
        pairs = list(
            read_pairs([f"{file}.parquet"], data("data.bad_rows=skip", "data.columns.target=label"), bad.append)
        )
        assert [(pair.source, pair.target) for pair in pairs] == list(zip(sources, ["bird", "truck"], strict=True))
        assert [row.where for row in bad] == [f"{file}.parquet line {line}" for line in (1, 4)[: len(bad)]]
        note = f"{file}.parquet: label is read by the names of its classes (2 classes, from 0: truck, bird)"
        assert file_notes([f"{file}.parquet"], data()) == [note]
    assert bad[1].problem == "label: 2 is no class"


def test_karpathys_json() -> None:
    def image(name: str, split: str, *sentences: str, **more: str) -> dict:
        return {"filename": name, "split": split, "sentences": [{"raw": sentence} for sentence in sentences], **more}

    images = [
        image("1.jpg", "train", "A cat .", "A  small cat.\n", filepath="val2014"),
        image("2.jpg", "restval", "A dog."),
        image("3.jpg", "val", "A bird."),
        {"filename": "4.jpg", "split": "test", "sentences": [{"tokens": ["a", "fish"]}]},
    ]
    Path("c").mkdir()
    Path("c/dataset.json").write_text(json.dumps({"images": images, "dataset": "coco"}))
    train = [("c/val2014/1.jpg", "A cat ."), ("c/val2014/1.jpg", "A small cat."), ("c/2.jpg", "A dog.")]
    assert rows_of("c/dataset.json#train") == train
    assert rows_of("c/dataset.json#val") == rows_of("c/dataset.json#valid") == [("c/3.jpg", "A bird.")]
    assert rows_of("c/dataset.json#test") == [("c/4.jpg", "a fish")] and len(rows_of("c/dataset.json")) == 5
    assert identity("c/dataset.json#train") == identity("c/dataset.json")
    Path("nameless.json").write_text(json.dumps({"images": [{"split": "train"}] * 3}))
    with pytest.raises(HeedfulError, match="not a list of pictures as Karpathy"):
        rows_of("nameless.json")


def test_captions_as_coco_has_them() -> None:
    """The pictures stand in a folder beside that of the annotations; an annotation of no image is a bad row."""
    for name in ("7.jpg", "8.jpg"):
        save(f"coco/train2017/{name}")
    images = [{"id": 7, "file_name": "7.jpg"}, {"id": 8, "file_name": "8.jpg"}]
    captions = [(8, "A dog. "), (7, "A cat ."), (8, "A\nsmall dog.")]
    annotations = [{"image_id": image, "caption": text} for image, text in captions]
    Path("coco/annotations").mkdir()
    file = "coco/annotations/captions_train2017.json"
    Path(file).write_text(json.dumps({"info": {}, "images": images, "annotations": annotations}))
    dog, cat = "coco/train2017/8.jpg", "coco/train2017/7.jpg"
    rows = [(str(Path(source).resolve()), target) for source, target in rows_of(file)]
    assert rows == [(str(Path(s).resolve()), t) for s, t in [(dog, "A dog."), (cat, "A cat ."), (dog, "A small dog.")]]
    Path(file).write_text(
        json.dumps({"images": images, "annotations": [*annotations, {"image_id": 9, "caption": "x"}]})
    )
    with pytest.raises(HeedfulError, match="line 4: an annotation without"):
        rows_of(file)


CAPTIONS = [("1.jpg", "A dog , a red ball ."), ("1.jpg", 'A "big" dog .'), ("2.jpg.1", "A cat .")]
FLICKR = {
    "captions.txt": "image,caption\n" + "".join(f"{name},{caption}\n" for name, caption in CAPTIONS),
    "quoted.txt": "image,caption\n" + "".join('{},"{}"\n'.format(n, c.replace('"', '""')) for n, c in CAPTIONS),
    "thirty.txt": "image_name,comment_number,comment\n"
    + "".join(f"{n},{i}, {c}\n" for i, (n, c) in enumerate(CAPTIONS)),
    "results.csv": "image_name| comment_number| comment\n" + "".join(f"{n}| 0| {c}\n" for n, c in CAPTIONS),
    "Flickr8k.token.txt": "".join(f"{name}#{number}\t{caption}\n" for number, (name, caption) in enumerate(CAPTIONS)),
    "results.token": "".join(f"{name}#{number}\t{caption}\n" for number, (name, caption) in enumerate(CAPTIONS)),
}


@pytest.mark.parametrize("folder", ["text/Images", "text", "flickr8k_images", "Flickr8k_Dataset/Flicker8k_Dataset"])
def test_captions_as_flickr_has_them(folder: str) -> None:
    """However they are written and wherever near them the pictures stand; that folder is reported."""
    for name in ("1.jpg", "2.jpg"):
        save(f"{folder}/{name}")
    Path("text").mkdir(exist_ok=True)
    for file, content in FLICKR.items():
        Path("text", file).write_text(content)
        rows = [(str(Path(source)), target) for source, target in rows_of(f"text/{file}")]
        assert rows == [(f"{folder}/1.jpg", caption) for _, caption in CAPTIONS[:2]] + [("2.jpg.1", "A cat .")], file
        said = [] if folder == "text" else [f"text/{file}: its pictures stand in {folder}"]
        assert file_notes([f"text/{file}"], data()) == said
        Path("text", file + ".gz").write_bytes(gzip.compress(content.encode()))
        assert [target for _, target in rows_of(f"text/{file}.gz")] == [caption for _, caption in CAPTIONS]
    Path("text/captions.txt").write_text("image,caption\n1.jpg\n1.jpg,a\n")
    with pytest.raises(HeedfulError, match=r"text/captions.txt line 2: 1 column where the header has 2"):
        rows_of("text/captions.txt")
    Path("plain.txt").write_text("A dog , a cat .\n")
    with pytest.raises(HeedfulError, match=r"What kind of file is plain\.txt"):
        rows_of("plain.txt")


def test_captions_of_flickr_are_read_by_the_lists_beside_them() -> None:
    """By names with or without endings; where no split is asked for, how to ask is said, of a folder too."""
    save("f/Images/1.jpg")
    file = "f/Flickr8k.token.txt"
    Path(file).write_text("".join(f"{name}.jpg#{number}\t{name}\n" for name in "12345" for number in range(2)))
    with pytest.raises(HeedfulError, match=f"No list of the pictures of a split lies beside {file}"):
        rows_of(f"{file}#train")
    lists = {"train": "12", "dev": "3", "test": "45"}
    for split, names in lists.items():
        ending = "" if split == "dev" else ".jpg"
        Path(f"f/Flickr_8k.{split}Images.txt").write_text("".join(f"{name}{ending}\n" for name in names))
    targets = {split: [target for _, target in rows_of(f"{file}#{split}")] for split in (*lists, "val", "valid")}
    assert targets == dict(zip(targets, map(list, ("1122", "33", "4455", "33", "33")), strict=True))
    assert rows_of(f"{file}#train")[0] == ("f/Images/1.jpg", "1")
    names = "Flickr_8k.trainImages.txt, Flickr_8k.devImages.txt, Flickr_8k.testImages.txt"
    ways = f"{file}#train --valid {file}#valid --test {file}#test"
    note = f"{file}: a split that is told beside it ({names}) is taken if asked for: {ways}"
    assert note in file_notes([file], data()) and note in file_notes(["f"], data())
    assert note not in file_notes([f"{file}#val"], data())


def test_a_list_that_changes_is_other_data_and_a_text_is_no_list() -> None:
    Path("c.token").write_text("1.jpg#0\ta\n2.jpg#0\tb\n")
    Path("train.txt").write_text("1.jpg\n")
    before = identity("c.token#train")
    Path("train.txt").write_text("A text of something else.\n")
    assert identity("c.token#train") != before and file_notes(["c.token"], data()) == []
    with pytest.raises(HeedfulError, match=r'There is no split of c\.token "test"'):
        rows_of("c.token#test")


def test_a_folder_with_captions_as_flickr_has_them_is_read_by_them() -> None:
    """And is no folder of the class `Images`; of several files of captions one must be named."""
    for name in ("1.jpg", "2.jpg.1", "3.jpg"):
        save(f"archive/Images/{name}", format="PNG")
    Path("archive/captions.txt").write_text(FLICKR["captions.txt"])
    Path("archive/readme.txt").write_text("about")
    assert rows_of("archive") == [(f"archive/Images/{name}", caption) for name, caption in CAPTIONS]
    assert file_notes(["archive"], data()) == [
        "archive/captions.txt: its pictures stand in archive/Images",
        "archive: passed over 1 picture that captions.txt does not name (first: archive/Images/3.jpg)",
        "archive: passed over 1 file without a picture's ending (first: archive/readme.txt)",
    ]
    Path("archive/b.token").write_text(FLICKR["results.token"])
    with pytest.raises(HeedfulError, match=r"archive holds several files of captions: b\.token and captions\.txt"):
        rows_of("archive")


def test_tables_name_pictures_of_a_folder_beside_them() -> None:
    """Found by the first name that is there; tables whose first row has none are located all the same."""
    save("flickr/images/2.jpg")
    rows = [{"image": None, "caption": "x"}, *({"image": f"{n}.jpg", "caption": f"c{n}"} for n in (1, 2))]
    Path("flickr/t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    Path("flickr/m.csv").write_text("file_name,text\n1.jpg,c1\n2.jpg,c2\n")
    image = {"filename": "2.jpg", "split": "train", "sentences": [{"raw": "c2"}]}
    Path("flickr/dataset.json").write_text(json.dumps({"images": [image]}))
    for file in ("t.jsonl", "m.csv", "dataset.json"):
        pairs = list(read_pairs([f"flickr/{file}"], data("data.bad_rows=skip"), lambda bad: None))
        assert (pairs[-1].source, pairs[-1].target) == ("flickr/images/2.jpg", "c2")
        assert f"flickr/{file}: its pictures stand in flickr/images" in file_notes([f"flickr/{file}"], data())
    save("other/1.png")  # of other data: no picture of the table beside them
    Path("mine").mkdir()
    Path("mine/m.csv").write_text("file_name,text\n1.png,c1\n")
    assert rows_of("mine/m.csv") == [("mine/1.png", "c1")]


@pytest.mark.parametrize(
    "pictures",
    [
        noise(1, 3, 8, 8),
        noise(1, 3, 8, 8)[..., None],
        noise(1, 3, 8, 8) / np.float32(255),
        noise(1, 3, 8, 8) * np.uint16(257),
        noise(1, 3, 8, 8).astype(np.float64),
        noise(1, 3, 8, 8).astype(np.int64)[:, None],
    ],
)
def test_arrays(pictures: np.ndarray) -> None:
    np.savez("a.npz", x=pictures, y=np.array([5, 0, 4], np.int32), writer=np.array(["ann", "bo", "cy"]), note=0.5)
    assert rows_of("a.npz") == [("a.npz#0", "5"), ("a.npz#1", "0"), ("a.npz#2", "4")]
    (pair, *_) = read_pairs(["a.npz"], data("data.group=writer", "data.columns.target=writer"), print)
    assert (pair.target, pair.group, pair.where) == ("ann", "ann", "a.npz line 0")
    pixels = read_pictures(["a.npz#0", "a.npz#1", "a.npz#2"], GRAY)
    assert np.array_equal(pixels[..., 0], noise(1, 3, 8, 8)) and header("a.npz#2") == (8, 8, True)
    np.savez("a.npz", images=255 - noise(1, 1, 8, 8), texts=np.array([b"one"]))  # a changed file is read again
    assert rows_of("a.npz") == [("a.npz#0", "one")]
    assert np.array_equal(read_picture("a.npz#0", GRAY)[..., 0], 255 - noise(1, 1, 8, 8)[0])


BROKEN = {
    "no pictures": ("none", "The folder none has 1 file and no picture."),
    "splits": ("splits", "splits holds test and train, which look like splits and not like classes."),
    "missing": ("spilts", "There is no file spilts.\n  Did you mean splits?"),
    "no target": ("bare.npz", 'There is no column for target in bare.npz called "target"'),
    "no list": ("list.json", "list.json line 1: not a JSON object such as"),
    "no split": ("good.json#trian", 'There is no split of good.json "trian". Did you mean "train"?'),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_layouts_stop_with_a_plain_line(case: str) -> None:
    Path("none").mkdir()
    Path("none/a.md").touch()
    save("splits/train/a/1.png")
    save("splits/test/a/1.png")
    np.savez("bare.npz", images=noise(1, 3, 8, 8))
    Path("list.json").write_text("[1, 2]")
    Path("good.json").write_text('{"images": [{"filename": "1.jpg", "split": "train", "sentences": []}]}')
    name, start = BROKEN[case]
    with pytest.raises(HeedfulError) as caught:
        rows_of(name)
    assert str(caught.value).startswith(start)


BAD = {
    "lone picture": ("loose", "loose/1.png: it stands in no class's folder, and no .txt of its name beside it"),
    "no caption": ("told", "told/2.png: no caption: there is no 2.txt beside it"),
    "empty caption": ("blank", "blank/2.png: no caption: 2.txt is empty"),
    "no name": ("rows.jsonl", 'rows.jsonl line 2: no text in column "file_name": "x"'),
    "no label": ("labels.jsonl", 'labels.jsonl line 2: no text in column "target": "1.png'),
    "no sentences": ("k.json", 'k.json line 2: an image without filename, or without sentences: "2.jpg"'),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_rows_are_named_or_skipped(case: str) -> None:
    for path in ("loose/1.png", "loose/a/2.png", "told/1.png", "told/2.png", "blank/1.png", "blank/2.png", "1.png"):
        save(path)
    for path in ("told/1.txt", "blank/1.txt"):
        Path(path).write_text("one")
    Path("blank/2.txt").touch()
    Path("rows.jsonl").write_text('{"file_name": "1.png", "label": "a"}\n{"label": "x"}\n')
    Path("labels.jsonl").write_text('{"file_name": "1.png", "label": "a"}\n{"file_name": "1.png"}\n')
    images = [{"filename": "1.jpg", "sentences": [{"raw": "one"}]}, {"filename": "2.jpg", "sentences": []}]
    Path("k.json").write_text(json.dumps({"images": images}))
    name, start = BAD[case]
    with pytest.raises(HeedfulError) as caught:
        rows_of(name)
    assert first_line(caught.value).startswith(start)
    skipped: list[BadRow] = []
    assert len(list(read_pairs([name], data("data.bad_rows=skip"), skipped.append))) == 1
    assert [start.startswith(f"{bad.where}: {bad.problem}") for bad in skipped] == [True]


def test_a_broken_picture_is_named_with_its_row_or_counted() -> None:
    for number in range(40):
        save(f"p/{'cat' if number % 2 else 'dog'}/{number:02}.png", noise(number // 2, 8, 8))
    content = Path("p/cat/01.png").read_bytes()
    Path("p/cat/03.png").write_bytes(content[: len(content) // 2])
    recipe = build("classify", {"data.train": ["p"], "data.valid_rows": 4})
    with pytest.raises(HeedfulError) as caught:
        prepare(PairKind(("picture", "name")), recipe, Path("run"), print, decide)
    assert first_line(caught.value).startswith("p line 2: p/cat/03.png is cut off or damaged: ")
    assert not Path("run").exists()
    recipe = build("classify", {"data.train": ["p"], "data.valid_rows": 4, "data.bad_rows": "skip"})
    notes: list[str] = []
    prepared = prepare(PairKind(("picture", "name")), recipe, Path("run"), notes.append, decide)
    assert any("; 19 more are identical" in note and note.startswith("20 pictures of 8×8 gray, ") for note in notes)
    assert any(note.startswith("left out: 1 bad row, listed in bad_rows.jsonl (first: p line 2: ") for note in notes)
    assert f"train: {len(prepared.train)} pictures" in notes
    # Each picture is there as a cat and as a dog: two examples, and neither side of the split sees the other's.
    assert any(note.startswith("valid: ") and "which contradict each other" in note for note in notes), notes
    assert sorted(example.references[0] for example in prepared.valid) == ["cat", "cat", "dog", "dog"]
    trained = {int(prepared.train[row][0][0]) for row in range(len(prepared.train))}
    assert not trained & {prepared.source.number(example.source) for example in prepared.valid}


def test_check_opens_every_picture_and_measures_no_names(tmp_path: Path) -> None:
    for number in range(3):
        for name in ("cat", "dog"):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.new("L", (12, 12), 40 * number + (name == "cat")).save(tmp_path / name / f"{number}.png")
    content = (tmp_path / "dog" / "2.png").read_bytes()
    (tmp_path / "dog" / "2.png").write_bytes(content[: len(content) // 2])
    findings = check_pairs(DataSettings(train=[str(tmp_path)], bad_rows="skip"))
    assert [finding.level for finding in findings.findings] == ["x", "i"] and "2.png" in findings.findings[0].text
    assert "5 pairs" in findings.summary and "a picture each" in findings.summary
