"""Sentences in CoNLL columns: a word a line, an empty line behind each sentence, a label in one of the columns.

.conllu           ten columns with the names of Universal Dependencies; FORM and UPOS unless said otherwise
.conll and other  the word is first (or second, behind a number), the label last
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from heedful.data.readers.lines import read_lines
from heedful.data.readers.rows import BadRow, count
from heedful.errors import HeedfulError, nearest, unknown

NAMES = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")
ABOVE = ("newdoc", "newpar")
"""Comments that begin so hold for all sentences until the next one of that name."""
RANGES, EMPTY = "multiword range", "empty node"
NO_BREAK = "\u00a0"


@dataclass(frozen=True)
class Sentence:
    """Words (a space inside one does not break) and a label for each, "" where the file has none or an underscore."""

    words: tuple[str, ...]
    labels: tuple[str, ...]
    group: str
    file: str
    line: int

    @property
    def text(self) -> str:
        """The words with spaces between them."""
        return " ".join(self.words)


@dataclass
class SentenceLines:
    """The lines of one sentence: what they say, and why it cannot be used, if it cannot."""

    line: int = 0
    rows: list[tuple[int, list[str]]] = field(default_factory=list)
    comments: dict[str, str] = field(default_factory=dict)
    bad: BadRow | None = None


def read_conll(
    file: str, word: str, label: str, group: str, skip_counts: Counter[str] | None = None
) -> Iterator[Sentence | BadRow]:
    """The sentences of a file.

    `word` and `label` are columns by number, from 1, or by the names of Universal Dependencies ("": as the head of
    this module says); `group` is the name of a comment, as in `# newdoc id = 3`. Multiword ranges (1-2) and empty
    nodes (1.1) are counted in `skip_counts`, and no words. A sentence with a line that cannot be read is a bad row.
    Raises HeedfulError for a column or comment that the file does not have.
    """
    universal = file.lower().endswith(".conllu")
    columns = column(word, "FORM" if universal else ""), column(label, "UPOS" if universal else "")
    counts, comment_names = Counter() if skip_counts is None else skip_counts, set()
    inherited: dict[str, str] = {}
    for block in read_sentence_lines(file, universal):
        inherited |= {name: value for name, value in block.comments.items() if name.startswith(ABOVE)}
        comments = inherited | block.comments
        comment_names |= comments.keys()
        if block.bad or block.rows:
            yield block.bad or sentence_of(block, columns, comments.get(group, ""), file, counts)
    if group and group not in comment_names:
        error = unknown(f"comment in {file} called", group, sorted(comment_names))
        raise HeedfulError(error.problem, f"{error.cure}\nName one of them, as data.group='newdoc id'.")


def column(setting: str, default: str) -> int | None:
    """The place of a column, from 0; None: to be judged by the sentence."""
    name = setting or default
    if not name:
        return None
    if name.isdigit() and int(name):
        return int(name) - 1
    if name.upper() in NAMES:
        return NAMES.index(name.upper())
    match = nearest(name.upper(), NAMES)
    hint = f' Did you mean "{match}"?' if match else ""
    raise HeedfulError(f'There is no column "{name}" in CoNLL.{hint}', f"Numbers from 1, or {', '.join(NAMES)}.")


def read_sentence_lines(file: str, universal: bool) -> Iterator[SentenceLines]:
    """The sentences as lines."""
    block, width = SentenceLines(), 0
    for number, text in read_lines(file):
        if not isinstance(text, BadRow) and not text.strip():
            if block.line:
                yield block
            block = SentenceLines()
            continue
        block.line = block.line or number
        if isinstance(text, BadRow):
            block.bad = block.bad or text
        else:
            fields = text.split("\t") if universal or "\t" in text else text.split()
            if text.startswith("#") and not block.rows and (universal or len(fields) != width):
                name, _, value = text[1:].partition("=")
                block.comments[name.strip()] = value.strip()
            elif fields[0] != "-DOCSTART-":
                block.rows.append((number, fields))
                width = len(fields)
    if block.line:
        yield block


def sentence_of(
    block: SentenceLines, columns: tuple[int | None, int | None], group: str, file: str, skip_counts: Counter[str]
) -> Sentence | BadRow:
    """The sentence that lines hold, or why there is none."""
    ids = [fields[0] for _, fields in block.rows if fields[0].isdigit()]
    is_numbered = len(block.rows[0][1]) > 2 and ids == [str(index) for index in range(1, len(ids) + 1)] != []
    word, label = columns[0] if columns[0] is not None else int(is_numbered), columns[1]
    words, labels = [], []
    for number, fields in block.rows:
        kind = EMPTY if "." in fields[0] else RANGES
        if is_numbered and not fields[0].isdigit():
            skip_counts[kind] += 1
            continue
        needed = max(word, label if label is not None else word + 1) + 1
        if len(fields) < needed or not fields[word].strip():
            problem = f"{count(len(fields), 'column')} where {needed} are needed" if len(fields) < needed else "no word"
            return BadRow(f"{file} line {number}", problem, "\t".join(fields))
        words.append(fields[word].strip().replace(" ", NO_BREAK))
        labels.append(fields[label if label is not None else -1].strip())
    if not words:
        return BadRow(f"{file} line {block.line}", "a sentence of no words", "")
    return Sentence(tuple(words), tuple("" if text == "_" else text for text in labels), group, file, block.line)
