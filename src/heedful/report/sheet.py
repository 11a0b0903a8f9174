"""A contact sheet as one PNG: prompts with what was drawn for them, beside the real picture."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from heedful.data.pictures.png import as_png
from heedful.errors import HeedfulError

SIDE = 128  # pixels that a picture takes
GAP, MARGIN = 8, 20  # between pictures of one cell, and around cells
LINE_HEIGHT, MAX_LINES = 20, 3  # height of a line of a prompt, and how many there may be
TEXT_GAP = 6  # between texts and pictures
FONT_SIZE, SMALL_FONT_SIZE = 15, 12
PAPER, INK, MUTED, HAIR = "#ffffff", "#1b1f24", "#5a6370", "#e2e5ea"


@dataclass(frozen=True)
class SheetCell:
    """A prompt with its drawings, and the real picture where there is one; all of them PNG files."""

    prompt: str
    drawings: tuple[bytes, ...]
    real: bytes = b""


@dataclass(frozen=True)
class SheetSize:
    """The width of a cell and of the sheet, and the lines of text above each row."""

    cell: int
    width: int
    lines: list[int]


def contact_sheet(cells: Sequence[SheetCell], columns: int = 4, attribution: Sequence[str] = ()) -> bytes:
    """The PNG file of a sheet with `columns` cells a row; `attribution` stands below, a line each.

    The same cells give the same bytes. Raises HeedfulError if there is nothing to show.
    """
    if not any(cell.drawings or cell.real for cell in cells):
        raise HeedfulError("There is nothing to put on the sheet: no drawing was given.")
    fonts = font(FONT_SIZE), font(SMALL_FONT_SIZE)
    column_count = max(1, min(columns, len(cells)))
    size = measure_sheet(cells, column_count, fonts[0])
    footer = [line for paragraph in attribution for line in wrap(paragraph, fonts[1], size.width - 2 * MARGIN, 10)]
    tops = [MARGIN]
    for lines in size.lines:
        tops.append(tops[-1] + lines * LINE_HEIGHT + TEXT_GAP + SIDE + SMALL_FONT_SIZE + TEXT_GAP + MARGIN)
    height = tops[-1] + (len(footer) * (SMALL_FONT_SIZE + 6) + MARGIN if footer else 0)
    sheet = Image.new("RGB", (size.width, height), PAPER)
    pen = ImageDraw.Draw(sheet)
    for number, cell in enumerate(cells):
        row, column = divmod(number, column_count)
        left, top = MARGIN + column * (size.cell + MARGIN), tops[row] + size.lines[row] * LINE_HEIGHT
        # Prompts end just above their pictures, whether they take one line or three.
        lines = wrap(cell.prompt, fonts[0], size.cell, MAX_LINES)
        for lines_above, line in enumerate(reversed(lines), 1):
            pen.text((left, top - lines_above * LINE_HEIGHT), line, INK, fonts[0])
        paste_pictures(sheet, pen, cell, (left, top + TEXT_GAP), fonts[1])
    for number, line in enumerate(footer):
        pen.text((MARGIN, tops[-1] + number * (SMALL_FONT_SIZE + 6)), line, MUTED, fonts[1])
    return as_png(sheet)


def measure_sheet(cells: Sequence[SheetCell], column_count: int, face: ImageFont.FreeTypeFont) -> SheetSize:
    """The sizes that fit the cell with the most pictures, and in each row the longest prompt."""
    picture_count = max(len(cell.drawings) + bool(cell.real) for cell in cells)
    width = max(picture_count * SIDE + (picture_count - 1) * GAP, SIDE + SIDE // 2)
    counts = [len(wrap(cell.prompt, face, width, MAX_LINES)) for cell in cells]
    lines = [max(counts[first : first + column_count]) for first in range(0, len(cells), column_count)]
    return SheetSize(width, column_count * (width + MARGIN) + MARGIN, lines)


def paste_pictures(
    sheet: Image.Image, pen: ImageDraw.ImageDraw, cell: SheetCell, corner: tuple[int, int], face: ImageFont.FreeTypeFont
) -> None:
    """Pastes the pictures of a cell in a row, each with its label below."""
    left, top = corner
    labelled = [*((png, "drawn") for png in cell.drawings), *([(cell.real, "real")] if cell.real else [])]
    for number, (png, name) in enumerate(labelled):
        x = left + number * (SIDE + GAP)
        picture = fit_picture(png)
        sheet.paste(picture, (x + (SIDE - picture.width) // 2, top + (SIDE - picture.height) // 2))
        pen.rectangle((x - 1, top - 1, x + SIDE, top + SIDE), outline=MUTED if name == "real" else HAIR)
        pen.text((x + SIDE / 2, top + SIDE + 3), name, MUTED, face, anchor="ma")


def fit_picture(png: bytes) -> Image.Image:
    """A picture scaled to SIDE pixels: a small one up by an integer factor, a large one down; transparency is white."""
    with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
        picture = image.convert("RGBA")
    longest = max(picture.size)
    if longest <= SIDE:
        times = SIDE // longest
        picture = picture.resize((picture.width * times, picture.height * times), Image.Resampling.NEAREST)
    else:
        picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    paper = Image.new("RGBA", picture.size, PAPER)
    return Image.alpha_composite(paper, picture).convert("RGB")


def wrap(text: str, face: ImageFont.FreeTypeFont, width: float, max_lines: int) -> list[str]:
    """A text in lines no wider than `width`; the sign … says that there is more than `max_lines` of them."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        if face.getlength(f"{line} {word}".strip()) <= width:
            line = f"{line} {word}".strip()
            continue
        if line:
            lines.append(line)
        while face.getlength(word) > width:
            fits = next(n for n in range(len(word), 0, -1) if n == 1 or face.getlength(word[:n]) <= width)
            lines.append(word[:fits])
            word = word[fits:]
        line = word
    lines += [line] if line else []
    if len(lines) <= max_lines:
        return lines
    last = lines[max_lines - 1]
    while last and face.getlength(last + "…") > width:
        last = last[:-1]
    return [*lines[: max_lines - 1], last + "…"]


def font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which matplotlib brings along and which knows Greek, Cyrillic and Arabic letters too."""
    from matplotlib import get_data_path

    return ImageFont.truetype(str(Path(get_data_path()) / "fonts/ttf/DejaVuSans.ttf"), size)
