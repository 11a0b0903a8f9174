"""Pairs of which one side is a picture: each picture decoded once, what cannot be read a bad row."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from hashlib import blake2b
from itertools import islice
from pathlib import Path

from heedful.data.facts import Decisions
from heedful.data.notes import Notes, ignore
from heedful.data.pairs.read import Pair, read_pairs
from heedful.data.pictures.album import AlbumWriter
from heedful.data.pictures.choose import choose_form
from heedful.data.pictures.read import Form, decode, header
from heedful.data.readers.rows import BadRow
from heedful.errors import HeedfulError
from heedful.schema import DataSettings

SAMPLE_SIZE = 300  # pictures by which size and colours are chosen
FEW = 10_000  # pictures: as many teach what a side of 64 pixels shows beyond one of 32
SMALL = Form(8, "gray")
LOOK = Form(32, "rgb", "stretch")  # how pictures are compared by what they show

OnBad = Callable[[BadRow], None]


class PicturedPairs:
    """The pairs of files, whose pictures (if there are any) go into an album in `folder`.

    Files name the picture as source. `swap_sides`: here it is the target. Pictures with equal pixels get one
    reference, that of the first of them, so that splits, overlap and references go by what a picture shows.
    """

    def __init__(self, folder: Path, data: DataSettings, has_pictures: bool, swap_sides: bool) -> None:
        self.folder, self.data, self.has_pictures, self.swap_sides = folder, data, has_pictures, swap_sides
        self.album: AlbumWriter | None = None

    def begin(self, form: Form | None, note: Notes, decisions: Decisions, may_be_few: bool = False) -> None:
        """Opens the album: of pictures as before (`form`), or as is decided by the first training pictures.

        `may_be_few`: whether it counts that there are few, each with the name of a class.
        """
        if not self.has_pictures:
            return
        if form is None:
            pairs = read_pairs(self.data.train, self.data, ignore)
            first = list(islice(pairs, SAMPLE_SIZE))
            few_named = may_be_few and len(first) + sum(1 for _ in islice(pairs, FEW)) < FEW
            try:
                form, why = choose_form([pair.source for pair in first], self.data, decisions, few_named)
            except HeedfulError:
                if self.data.bad_rows == "error" and first and (bad := broken_picture(first[0])):
                    raise bad.error() from None
                raise
            note(why)
        self.album = AlbumWriter(self.folder, form)

    def pairs(self, files: Sequence[str], on_bad: OnBad) -> Iterator[Pair]:
        """As `read_pairs`."""
        pairs = read_pairs(files, self.data, on_bad)
        return pairs if self.album is None else self.keep_pictures(pairs, self.album, on_bad)

    def keep_pictures(self, pairs: Iterator[Pair], album: AlbumWriter, on_bad: OnBad) -> Iterator[Pair]:
        """Each pair, once its picture is in the album."""
        for pair in pairs:
            try:
                picture = album.add(pair.source)
            except HeedfulError as error:
                refuse(BadRow(pair.where, error.problem, "", error.cure), self.data, on_bad)
                continue
            sides = (pair.target, picture) if self.swap_sides else (picture, pair.target)
            yield replace(pair, source=sides[0], target=sides[1])

    def content(self, source: str) -> bytes:
        """What a row holds as its source: the pixels of a picture, or a text."""
        return source.encode() if self.album is None or self.swap_sides else self.album.content(source)

    def end(self, note: Notes) -> None:
        """Closes the album, and says how large it is."""
        if self.album:
            note(self.album.close())


def readable_pictures(pairs: Iterator[Pair], data: DataSettings, on_bad: OnBad) -> Iterator[Pair]:
    """Each pair whose picture can be read to its end; another is a bad row."""
    for pair in pairs:
        bad = None if "://" in pair.source else broken_picture(pair)
        if bad:
            refuse(bad, data, on_bad)
        else:
            yield pair


def look_at_picture(reference: str) -> tuple[str, tuple[int, int]]:
    """A digest of what a picture shows, the same for equal pixels, and its width and height.

    Raises HeedfulError for one that cannot be read to its end.
    """
    pixels, _ = decode(reference, LOOK)
    width, height, _ = header(reference)
    return blake2b(pixels.tobytes(), digest_size=16).hexdigest(), (width, height)


def broken_picture(pair: Pair) -> BadRow | None:
    """The bad row for a picture that cannot be read to its end."""
    try:
        decode(pair.source, SMALL)
    except HeedfulError as error:
        return BadRow(pair.where, error.problem, "", error.cure)
    return None


def refuse(bad: BadRow, data: DataSettings, on_bad: OnBad) -> None:
    """Stops at a bad row, or hands it on, as the recipe says."""
    if data.bad_rows == "error":
        raise bad.error()
    on_bad(bad)
