"""Sentences in CoNLL columns: a word a line, an empty line behind each sentence, a label in one of the columns.

.conllu           ten columns with the names of Universal Dependencies; FORM and UPOS unless said otherwise
.conll and other  the word is first (or second, where most sentences are numbered from 1), the label last
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from heedful.data.readers.lines import read_lines
from heedful.data.readers.opening import ending_of
from heedful.data.readers.rows import BadRow, count
from heedful.errors import HeedfulError, nearest, unknown

NAMES = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")
ABOVE = ("newdoc", "newpar")
"""Comments that begin so hold for all sentences until the next one of that name."""
RANGES, EMPTY = "multiword range", "empty node"
SKIPPED_IDS = {RANGES: re.compile(r"\d+-\d+"), EMPTY: re.compile(r"\d+\.\d+")}
COMMENT = re.compile(r"#\s*[\w:.-]+( \w+)?\s*=\s")
"""A comment that is one however many parts it has: `# sent_id = 7`, `# newdoc id = a`."""
NO_BREAK = "\u00a0"
LOOKED_AT = 1000  # sentences by which a file is said to be numbered


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
    universal = ending_of(file) == ".conllu"
    columns = column(word, "FORM" if universal else ""), column(label, "UPOS" if universal else "")
    is_numbered = universal or has_numbers(file)
    counts, comment_names = Counter() if skip_counts is None else skip_counts, set()
    inherited: dict[str, str] = {}
    for block in read_sentence_lines(file, universal):
        inherited |= {name: value for name, value in block.comments.items() if name.startswith(ABOVE)}
        comments = inherited | block.comments
        comment_names |= comments.keys()
        if block.bad or block.rows:
            yield block.bad or sentence_of(block, columns, is_numbered, comments.get(group, ""), file, counts)
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
    block, shape = SentenceLines(), (0, False)
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
            form = len(fields), "\t" in text
            is_other = form != shape if shape[0] else not form[1]  # than a line with a word
            is_comment = universal or is_other or COMMENT.match(text)
            if text.startswith("#") and not block.rows and is_comment:
                name, _, value = text[1:].partition("=")
                block.comments[name.strip()] = value.strip()
            elif fields[0] != "-DOCSTART-":
                block.rows.append((number, fields))
                shape = form
    if block.line:
        yield block


def has_numbers(file: str) -> bool:
    """Whether most sentences have numbered lines, as in Universal Dependencies; else a number is a word."""
    blocks = [block for block in islice(read_sentence_lines(file, False), LOOKED_AT) if block.rows]
    return sum(map(counts_from_one, blocks)) * 2 > len(blocks)


def counts_from_one(block: SentenceLines) -> bool:
    """Whether each line of a sentence of three columns and more begins with its number, or with one to be skipped."""
    ids = [fields[0] for _, fields in block.rows if skipped_kind(fields[0]) is None]
    return len(block.rows[0][1]) > 2 and ids == [str(index) for index in range(1, len(ids) + 1)] != []


def skipped_kind(text: str) -> str | None:
    """What the number of a line that holds no word of its own is; None for any other."""
    return next((kind for kind, pattern in SKIPPED_IDS.items() if pattern.fullmatch(text)), None)


def sentence_of(
    block: SentenceLines,
    columns: tuple[int | None, int | None],
    is_numbered: bool,
    group: str,
    file: str,
    skip_counts: Counter[str],
) -> Sentence | BadRow:
    """The sentence that lines hold, or why there is none."""
    word, label = columns[0] if columns[0] is not None else int(is_numbered), columns[1]
    words, labels = [], []
    for number, fields in block.rows:
        if is_numbered and (kind := skipped_kind(fields[0])):
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
