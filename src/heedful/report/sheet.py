"""A contact sheet as one PNG: prompts with what was drawn for them, beside the real picture."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from heedful.errors import HeedfulError
from heedful.report.gallery import as_png

SIDE = 128  # pixels that a picture takes
GAP, MARGIN = 8, 20  # between pictures of one cell, and around cells
LINE, LINES = 20, 3  # height of a line of a prompt, and how many there may be
UNDER = 6  # between texts and pictures
SIZE, SMALL = 15, 12
PAPER, INK, MUTED, HAIR = "#ffffff", "#1b1f24", "#5a6370", "#e2e5ea"


@dataclass(frozen=True)
class Cell:
    """A prompt with its drawings, and the real picture where there is one; all of them PNG files."""

    prompt: str
    drawings: tuple[bytes, ...]
    real: bytes = b""


@dataclass(frozen=True)
class Measures:
    """How wide the parts of a sheet are, and how many lines of prompts each row has."""

    cell: int
    wide: int
    lines: list[int]


def contact_sheet(cells: Sequence[Cell], columns: int = 4, attribution: Sequence[str] = ()) -> bytes:
    """The PNG file of a sheet with `columns` cells a row; `attribution` stands below, a line each.

    The same cells give the same bytes. Raises HeedfulError if there is nothing to show.
    """
    if not any(cell.drawings or cell.real for cell in cells):
        raise HeedfulError("There is nothing to put on the sheet: no drawing was given.")
    fonts = font(SIZE), font(SMALL)
    across = max(1, min(columns, len(cells)))
    size = measured(cells, across, fonts[0])
    below = [line for one in attribution for line in wrapped(one, fonts[1], size.wide - 2 * MARGIN, 10)]
    tops = [MARGIN]
    for lines in size.lines:
        tops.append(tops[-1] + lines * LINE + UNDER + SIDE + SMALL + UNDER + MARGIN)
    high = tops[-1] + (len(below) * (SMALL + 6) + MARGIN if below else 0)
    sheet = Image.new("RGB", (size.wide, high), PAPER)
    pen = ImageDraw.Draw(sheet)
    for number, cell in enumerate(cells):
        row, column = divmod(number, across)
        left, top = MARGIN + column * (size.cell + MARGIN), tops[row] + size.lines[row] * LINE
        # Prompts end just above their pictures, whether they take one line or three.
        lines = wrapped(cell.prompt, fonts[0], size.cell, LINES)
        for up, line in enumerate(reversed(lines), 1):
            pen.text((left, top - up * LINE), line, INK, fonts[0])
        put(sheet, pen, cell, (left, top + UNDER), fonts[1])
    for number, line in enumerate(below):
        pen.text((MARGIN, tops[-1] + number * (SMALL + 6)), line, MUTED, fonts[1])
    return as_png(sheet)


def measured(cells: Sequence[Cell], across: int, face: ImageFont.FreeTypeFont) -> Measures:
    """The sizes that hold the cell with the most pictures, and in each row the longest prompt."""
    most = max(len(cell.drawings) + bool(cell.real) for cell in cells)
    wide = max(most * SIDE + (most - 1) * GAP, SIDE + SIDE // 2)
    counts = [len(wrapped(cell.prompt, face, wide, LINES)) for cell in cells]
    lines = [max(counts[first : first + across]) for first in range(0, len(cells), across)]
    return Measures(wide, across * (wide + MARGIN) + MARGIN, lines)


def put(
    sheet: Image.Image, pen: ImageDraw.ImageDraw, cell: Cell, place: tuple[int, int], face: ImageFont.FreeTypeFont
) -> None:
    """The pictures of one cell in a row, and below each what it is."""
    left, top = place
    named = [*((png, "drawn") for png in cell.drawings), *([(cell.real, "real")] if cell.real else [])]
    for number, (png, name) in enumerate(named):
        x = left + number * (SIDE + GAP)
        picture = fitted(png)
        sheet.paste(picture, (x + (SIDE - picture.width) // 2, top + (SIDE - picture.height) // 2))
        pen.rectangle((x - 1, top - 1, x + SIDE, top + SIDE), outline=MUTED if name == "real" else HAIR)
        pen.text((x + SIDE / 2, top + SIDE + 3), name, MUTED, face, anchor="ma")


def fitted(png: bytes) -> Image.Image:
    """A picture that fills its place: small ones by whole pixels, others made to fit; clear parts are white."""
    with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
        seen = image.convert("RGBA")
    longest = max(seen.size)
    if longest <= SIDE:
        times = SIDE // longest
        seen = seen.resize((seen.width * times, seen.height * times), Image.Resampling.NEAREST)
    else:
        seen.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    paper = Image.new("RGBA", seen.size, PAPER)
    return Image.alpha_composite(paper, seen).convert("RGB")


def wrapped(text: str, face: ImageFont.FreeTypeFont, wide: float, most: int) -> list[str]:
    """A text in lines no wider than `wide`; the sign … says that there is more than `most` of them."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        if face.getlength(f"{line} {word}".strip()) <= wide:
            line = f"{line} {word}".strip()
            continue
        if line:
            lines.append(line)
        while face.getlength(word) > wide:
            fits = next(n for n in range(len(word), 0, -1) if n == 1 or face.getlength(word[:n]) <= wide)
            lines.append(word[:fits])
            word = word[fits:]
        line = word
    lines += [line] if line else []
    if len(lines) <= most:
        return lines
    last = lines[most - 1]
    while last and face.getlength(last + "…") > wide:
        last = last[:-1]
    return [*lines[: most - 1], last + "…"]


def font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which matplotlib brings along and which knows Greek, Cyrillic and Arabic letters too."""
    from matplotlib import get_data_path

    return ImageFont.truetype(str(Path(get_data_path()) / "fonts/ttf/DejaVuSans.ttf"), size)
