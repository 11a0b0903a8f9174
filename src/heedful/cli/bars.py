"""Labels of steps on a terminal: bars of letters, coloured where colours are shown, or words with labels below."""

import sys
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from heedful.data.readers.rows import one_line
from heedful.report.columns import columns
from heedful.report.letter_bars import signs_of, time_bars

MAX_NAME = 32  # characters of a clip's name
MIN_WIDTH = 20  # of a bar, in signs, however narrow the terminal
# Okabe and Ito's colours, told apart by colour-blind people too, as numbers of a terminal's 256.
COLOURS = (214, 117, 36, 227, 26, 166, 175, 250)
DARK_COLOURS = (25, 231)  # those on which text is white


def show(clips: Sequence[tuple[str, Sequence[str]]], names: Sequence[str]) -> None:
    """Prints a bar for each clip, and what the letters mean."""
    stream: TextIO = getattr(sys.stdout, "unguarded", sys.stdout)  # colours are meant
    console = Console(file=stream, highlight=False, markup=False, soft_wrap=True)
    rows = [(one_line(shorten(name)), [one_line(label) for label in labels]) for name, labels in clips]
    names = [one_line(name) for name in names]
    width = max(cell_len(name) for name, _ in rows)
    text = time_bars(rows, names, max(MIN_WIDTH, console.width - width - 2))
    if console.is_terminal and not console.no_color:
        console.print(colour_bars(text, width + 2, signs_of(names)))
    else:
        print(text)


def shorten(name: str) -> str:
    """The end of a long name."""
    return name if len(name) <= MAX_NAME else f"…{name[1 - MAX_NAME :]}"


def colour_bars(text: str, indent: int, signs: Mapping[str, str]) -> Text:
    """Bars whose letters stand on colours, a colour a label; the last line is what they mean."""
    styles = {sign: style(index) for index, sign in enumerate(sign for label, sign in signs.items() if label)}
    *bars, meaning = text.splitlines()
    coloured_text = Text()
    for line in bars:
        coloured_text.append(line[:indent])
        for sign, group in groupby(line[indent:]):
            coloured_text.append("".join(group), styles.get(sign, ""))
        coloured_text.append("\n")
    last = Text(meaning)
    for label, sign in signs.items():
        index = meaning.find(f"   {sign} {label}")
        if label and index >= 0:
            last.stylize(styles[sign], index + 3, index + 4)
    return coloured_text + last


def style(index: int) -> str:
    """The colour of a label; where there are more labels than colours, letters tell them apart."""
    colour = COLOURS[index % len(COLOURS)]
    return f"{'white' if colour in DARK_COLOURS else 'black'} on color({colour})"


def show_words(words: Sequence[str], labels: Sequence[str]) -> None:
    """Prints words in lines as long as the terminal is wide, below each its label; an empty line for no words."""
    words, labels = ([one_line(text) for text in texts] for texts in (words, labels))
    if not words:
        print()
        return
    room = Console(file=sys.stdout).width
    indices: list[int] = []
    for step, (word, label) in enumerate(zip(words, labels, strict=True)):
        width = 2 + max(cell_len(word), cell_len(label))
        if (
            indices
            and sum(2 + max(cell_len(words[index]), cell_len(labels[index])) for index in indices) + width > room + 2
        ):
            show_line(words, labels, indices)
            indices = []
        indices.append(step)
    show_line(words, labels, indices)


def show_line(words: Sequence[str], labels: Sequence[str], indices: Sequence[int]) -> None:
    """Prints some of the words, their labels, and an empty line."""
    rows = [[side[index] for index in indices] for side in (words, labels)]
    print(columns(rows, left_aligned=set(range(len(indices)))), end="\n\n")
