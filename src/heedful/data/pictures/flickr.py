"""Captions of pictures in lines, as Flickr8k and Flickr30k have them; columns are named as the file says.

Flickr8k.token.txt   `1.jpg#0<TAB>A dog runs .`: columns image and caption
captions.txt         a header, as `image,caption`; the last column is the rest of the line, perhaps in quotes
results.csv          `image_name| comment_number| comment`
"""

import re
from collections.abc import Iterator, Sequence

from heedful.data.pictures.splits import ENDINGS, path_of, pictures_of, split_notes, split_of, stem
from heedful.data.readers.lines import read_lines
from heedful.data.readers.names import CAPTIONS, PICTURES, named
from heedful.data.readers.opening import ending_of
from heedful.data.readers.rows import BadRow, TextRow, check_header, count, unreadable_header
from heedful.errors import HeedfulError

TOKEN = re.compile(r"(?P<image>[^\t#]+\.\w+)#\d+\s+(?P<caption>.*)")
SEPARATORS = (",", "|", "\t", ";")
SPACED = ".csv"
"""Tables with this ending have quotes and are read as such, unless a blank follows each separator of the header."""
EXAMPLE = 'As "1.jpg#0<TAB>A dog runs ." or, below a header "image,caption", as "1.jpg,A dog runs ."'


def is_flickr(file: str) -> bool:
    """Whether a file begins as such captions do; not for one that cannot be read."""
    if ending_of(path_of(file)) not in ENDINGS:
        return False
    try:
        line = first_line(path_of(file))
    except HeedfulError:
        return False
    separator = separator_of(line)
    if ending_of(path_of(file)) == SPACED:
        return bool(separator) and all(name.startswith(" ") for name in line.split(separator)[1:])
    return bool(separator) or TOKEN.fullmatch(line) is not None


def read_flickr(file: str) -> Iterator[TextRow | BadRow]:
    """A row for each caption, of one split if the name ends in #train, #dev or #test and its list lies beside the file.

    Raises HeedfulError for a file that does not begin so, or has no such split.
    """
    if not split_of(file):
        return read_captions(file, file)
    pictures = pictures_of(file)
    rows = read_captions(file, path_of(file))
    return (row for row in rows if isinstance(row, BadRow) or stem(next(iter(row.columns.values()))) in pictures)


def read_captions(file: str, path: str) -> Iterator[TextRow | BadRow]:
    """A row for each caption in the file at a path."""
    names: list[str] = []
    line = first_line(path)
    separator = separator_of(line)
    if not separator and not TOKEN.fullmatch(line):
        raise HeedfulError(f"{file} does not begin as captions of Flickr do.", EXAMPLE)
    for number, text in read_lines(path):
        where = f"{file} line {number}"
        if isinstance(text, BadRow):
            if separator and not names:
                raise unreadable_header(text)
            yield text
        elif not text.strip():
            continue
        elif not separator:
            match = TOKEN.fullmatch(text)
            problem = "not the name of a picture, #, a number, a tab and a caption"
            yield TextRow(match.groupdict(), file, number) if match else BadRow(where, problem, text)
        elif not names:
            names = check_header(fields_of(text, separator), file)
        else:
            yield row_of_fields(text, separator, names, TextRow({}, file, number))


def flickr_notes(file: str) -> list[str]:
    """That lists of a split lie beside, if the first picture stands in one."""
    first = next((row for row in read_flickr(file) if isinstance(row, TextRow)), None)
    return split_notes(file, next(iter(first.columns.values()))) if first else []


def first_line(file: str) -> str:
    """The first line that holds something; "" if it cannot be read as text."""
    line = next((text for _, text in read_lines(file) if isinstance(text, BadRow) or text.strip()), "")
    return "" if isinstance(line, BadRow) else line


def separator_of(header: str) -> str:
    """What parts the columns of a header whose first one names pictures, and whose last one captions; "" of none."""
    for separator in SEPARATORS:
        names = fields_of(header, separator)
        if len(names) > 1 and named(names[:1], PICTURES) and named(names[-1:], CAPTIONS):
            return separator
    return ""


def fields_of(header: str, separator: str) -> list[str]:
    """The names of columns."""
    return [name.strip(' "') for name in header.split(separator)]


def row_of_fields(text: str, separator: str, names: Sequence[str], empty: TextRow) -> TextRow | BadRow:
    """The row of a line, whose caption may hold the separator."""
    fields = [field.strip() for field in text.split(separator, len(names) - 1)]
    if len(fields) < len(names):
        problem = f"{count(len(fields), 'column')} where the header has {len(names)}"
        return BadRow(empty.where, problem, text)
    caption = fields[-1]
    if caption.startswith('"') and caption.endswith('"') and len(caption) > 1:
        fields[-1] = caption[1:-1].replace('""', '"').strip()
    elif caption.startswith('"') and caption.count('"') % 2:
        return BadRow(empty.where, "a quotation that is not closed on its line", text)
    return TextRow(dict(zip(names, fields, strict=True)), empty.file, empty.line)
