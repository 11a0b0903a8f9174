"""Files as accidents leave them: whatever bytes stand in a file, it is read, or refused in words."""

import base64
import bz2
import gzip
import io
import json
import lzma
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import openpyxl
import pyarrow
import pyarrow.parquet
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from heedful.errors import HeedfulError
from heedful.tasks.recipes import build
from heedful.tasks.task import find_task
from support.hostile_files import write as write_video
from support.sampling import SIZE

PAIRS = [(f"the {n} small cats", f"die {n} kleinen Katzen") for n in range(12)]
RECORDS = [{"source": source, "target": target} for source, target in PAIRS]
TAGS = "\n".join("the O\nsmall O\ncats B-CAT\n" for _ in range(12))
SERIES = "x,y,label\n" + "".join(f"{n / 3:.3f},{n % 5},{'ab'[n // 6 % 2]}\n" for n in range(48))
COCO = {
    "images": [{"filename": "a/2.png", "split": split, "sentences": [{"raw": "a cat"}]} for split in ("train", "val")],
}
# What breaks readers: ends, quotes, marks, zeros, half characters, brackets, giant numbers, deep nesting.
PIECES = (
    *(b"\0", b'"', b"'", b"\r", b"\n", b"\r\n", b"\t", b",", b";", b"|", b"\\", b"{", b"}", b"[", b"]", b"<", b"&"),
    *(b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc3", b"\xe2\x80\xa8", b"\x85", b"\x1b[31m", b"\x1c"),
    *(
        b"1e999",
        b"-1",
        b"nan",
        b"9" * 400,
        b"null",
        b"true",
        b"[" * 3000,
        b"{}",
        b'{"a":' * 2000,
        b"\\ud800",
        b"..",
        b"/",
    ),
)


def table(delimiter: str, header: bool) -> bytes:
    rows = [("source", "target"), *PAIRS] if header else PAIRS
    return "".join(delimiter.join(row) + "\n" for row in rows).encode()


def parquet(rows: list[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


def sheet() -> bytes:
    buffer, book = io.BytesIO(), openpyxl.Workbook()
    for row in (("source", "target"), *PAIRS):
        book.worksheets[0].append(row)
    book.save(buffer)
    return buffer.getvalue()


def memory() -> bytes:
    variant = '<tuv xml:lang="{}"><seg>{}</seg></tuv>'
    units = "".join(f"<tu>{variant.format('en', a)}{variant.format('de', b)}</tu>" for a, b in PAIRS)
    return f'<?xml version="1.0"?><tmx version="1.4"><header srclang="en"/><body>{units}</body></tmx>'.encode()


def picture(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.arange(300, dtype=np.uint8).reshape(10, 10, 3)).save(buffer, kind)
    return buffer.getvalue()


def array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, PICTURES)
    return buffer.getvalue()


def arrays(**columns: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **columns)
    return buffer.getvalue()


@cache
def video() -> bytes:
    with TemporaryDirectory() as folder:
        return Path(write_video(f"{folder}/a.mp4")).read_bytes()


PICTURES = np.arange(12 * 64, dtype=np.uint8).reshape(12, 8, 8)
FILES: dict[str, tuple[str, str, Callable[[], bytes]]] = {
    "tsv": ("translate", "a.tsv", lambda: table("\t", False)),
    "csv": ("translate", "a.csv", lambda: table(",", True)),
    "jsonl": ("translate", "a.jsonl", lambda: "".join(json.dumps(row) + "\n" for row in RECORDS).encode()),
    "json": ("translate", "a.json", lambda: json.dumps(RECORDS).encode()),
    "parquet": ("translate", "a.parquet", lambda: parquet(RECORDS)),
    "xlsx": ("translate", "a.xlsx", sheet),
    "tmx": ("translate", "a.tmx", memory),
    "gzip": ("translate", "a.tsv.gz", lambda: gzip.compress(table("\t", False))),
    "bzip2": ("translate", "a.csv.bz2", lambda: bz2.compress(table(",", True))),
    "xz": ("translate", "a.tsv.xz", lambda: lzma.compress(table("\t", False))),
    "zstandard": ("translate", "a.tsv.zst", lambda: zstandard.compress(table("\t", False))),
    "lexicon": ("translate", "a.dict", lambda: b"".join(b"w%d W %d K\n" % (n, n) for n in range(12))),
    "text": ("complete", "a.txt", lambda: table(" ", False)),
    "arrays": ("classify", "a.npz", lambda: arrays(images=PICTURES, labels=np.array(list("ab") * 6))),
    "bytes": ("classify", "a.parquet", lambda: parquet([{"image": picture("PNG"), "label": x} for x in "ab" * 6])),
    "flickr": ("caption", "images/a.txt", lambda: b"image,caption\n" + b"a/2.png,a cat\nb/2.png,a dog\n" * 6),
    "tokens": ("caption", "images/a.txt", lambda: b"a/2.png#0\ta cat\nb/2.png#1\ta dog\n" * 6),
    "karpathy": ("caption", "images/a.json", lambda: json.dumps(COCO).encode()),
    "conll": ("label", "a.conll", TAGS.encode),
    "records": ("label", "a.parquet", lambda: parquet([{"tokens": ["a", "b"], "tags": [1, 2]}] * 6)),
    "series": ("label", "a.csv", SERIES.encode),
    "array": ("label", "arrays/b.npy", array),
    "png": ("classify", "images/a/1.png", lambda: picture("PNG")),
    "jpeg": ("classify", "images/a/1.jpg", lambda: picture("JPEG")),
    "gif": ("classify", "images/a/1.gif", lambda: picture("GIF")),
    "mp4": ("label", "clips/a.mp4", video),
    "labels": ("label", "clips/a.txt", lambda: b"a\n" * 20),
}
EXAMPLES = 15 if SIZE == "sample" else 400
SPOILT = st.lists(
    st.tuples(
        st.floats(0, 1), st.none() | st.integers(0, 40), st.one_of(st.sampled_from(PIECES), st.binary(max_size=8))
    ),
    min_size=1,
    max_size=4,
)


Edits = list[tuple[float, int | None, bytes]]


def spoil(content: bytes, edits: Edits) -> bytes:
    """The content with bytes removed (None: as many as come) and others put in, at fractions of its length."""
    for place, removed, inserted in edits:
        start = int(place * len(content))
        end = start + (len(inserted) if removed is None else removed)
        content = content[:start] + inserted + content[end:]
    return content


def write(folder: Path, name: str, content: bytes) -> str:
    """A file with what it needs beside it; the path that is named to read it."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    neighbours = {"images": {"a/2.png": picture("PNG"), "b/2.png": picture("PNG")}}
    neighbours["clips"] = {"a.mp4": video(), "a.txt": b"a\n" * 20, "b.txt": b"a\n" * 12}
    neighbours["arrays"] = {"b.txt": b"a\n" * 12}
    root = folder / Path(name).parts[0]
    for neighbour, neighbour_content in neighbours.get(root.name, {}).items():
        (root / neighbour).parent.mkdir(exist_ok=True)
        (root / neighbour).write_bytes(neighbour_content)
    file.write_bytes(content)
    return str(file if root.name == "images" and file.parent == root else root)


def look(task: str, folder: Path, train: str, valid: str, bad_rows: str = "error") -> None:
    """Both ways in which files are read to learn from them; raises HeedfulError."""
    recipe = build(
        task, {"data.train": [train], "data.valid": [valid], "data.overlap": "keep", "data.bad_rows": bad_rows}
    )
    learning = find_task(task).learning
    learning.check(recipe)
    learning.prepare(recipe, folder / "run", lambda line: None)


@pytest.mark.parametrize("kind", FILES)
def test_whatever_stands_in_a_file_is_read_or_refused_in_words(kind: str, tmp_path: Path) -> None:
    task, name, make = FILES[kind]
    content = make()
    clean = write(tmp_path / "clean", name, content)
    look(task, tmp_path, clean, clean)

    @settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
    @given(SPOILT, st.sampled_from(["error", "skip"]))
    def read(edits: Edits, bad_rows: str) -> None:
        with TemporaryDirectory() as temporary:
            spoilt = write(Path(temporary), name, spoil(content, edits))
            with suppress(HeedfulError):
                look(task, Path(temporary), spoilt, clean, bad_rows)

    read()


SPOILT_COLUMN = zlib.decompress(
    base64.b85decode(
        "c-oay&ubGw6n;Bh*HHG5h%?N<9)h$>3u#RYDMcbUn>1}Op~*t63O#J%5=+ue%x)V6{{)X7{R=$%=k(~ogLw8LIB$O>p{)l8_RY+D"
        "-+bRUZ+AP=-Jv>tNO?<5@Bm<SO#=WALyrP|MC}sgG*1m`SbMOc^|<C03aVOowxZ&_ud75&d__|$MNy<{8B@NBBsfSq-{j-Dtip2{"
        "mchmy*?%jFj}_oX*njI^cvOc9;YKtb`awtuHCk1Ltms@Hore)6K+Sc+@B1VF!VjW#Xjxb$T#vlL-FSTo56l#nDA{09Q&hmni~Uq8"
        "hG#HJ7-yd}_F1#5c5b<6qJ*76T2KujP-R@$rYRbD9rYlyo-)UlZu4Gi?7L=PYxWoI|GIZed$aZJmv>f6l-Uo$OgqPZ6A%_RrRyG_"
        "K1q7Yf0D;IW&=k`*_Fw7F6B%*1KE&rAZvp-=O{oM7d0uHabhvcWa)(S{ZU<!?yJQ?yAda67!P77syN;G{>@<{=*MMeh*p9Q`axW?"
        "n=vn}rTmAZ^6S&GO#QUcr;=#SK_?jMC&-6K>WN-|;Ww5Z#(TWqk$dIszPLmmA5j0j#LFwbSIFB=Ph=(>$CWqu7Np)wchu|3`H`ji"
        "Q{cskH+^^MM_c{LWXqdQ$Ft&<KMl{vL2-9)yS%+4O6s%4FZYjn(;f8#{{_3^x?%"
    )
)
"""Six bytes of what a Parquet file tells of a column are others: asked for that column, pyarrow ends the process."""


def test_a_column_that_is_spoilt_ends_no_process(tmp_path: Path) -> None:
    file = write(tmp_path, "a.parquet", SPOILT_COLUMN)
    with pytest.raises(HeedfulError, match=r"a\.parquet"):
        look("label", tmp_path, file, file)
