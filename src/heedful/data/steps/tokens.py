"""Sentences as records, JSON lines or Parquet: {"tokens": ["Anna", "sings"], "ner_tags": ["B-PER", "O"]}.

Tags are names or whole numbers; numbers have the names that a dataset of Hugging Face tells in its Parquet files, and
-100 (or -1 among names) or null mask a word. Instead of a list of words there may be a text, cut at its spaces.
"""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from heedful.data.normal_form import normalize_text
from heedful.data.readers.classes import list_classes, names_in_list
from heedful.data.readers.formats import endings_of
from heedful.data.readers.lines import problem_of, read_lines
from heedful.data.readers.opening import ending_of
from heedful.data.readers.parquet import features_in
from heedful.data.readers.parquet import records as parquet_records
from heedful.data.readers.records import text_of
from heedful.data.readers.rows import BadRow, count, quote
from heedful.data.steps.conll import NO_BREAK
from heedful.data.steps.labels import LabelledSource, check_labels
from heedful.data.steps.tables import roles
from heedful.errors import HeedfulError, unknown
from heedful.schema import DataSettings

PARQUET = endings_of("parquet")
RECORDS = (*endings_of("jsonl"), *PARQUET)
WORD_NAMES = ("tokens", "words", "text", "sentence")
TAG_NAMES = ("tags", "ner_tags", "labels", "pos_tags", "upos", "chunk_tags", "label")
MASKS = (-100, -1)
WHITE = re.compile(r"[ \t\r\n]+")

Record = dict[str, Any]


def holds_tokens(file: str, data: DataSettings) -> bool:
    """Whether the first record of a file has a list of tags beside its words."""
    return token_columns(file, data) is not None


def token_columns(file: str, data: DataSettings) -> tuple[str, str] | None:
    """The columns of words and of tags, as the recipe names them or by their usual names; None: these are no tokens."""
    record = next((record for _, record in islice(records(file), 100) if isinstance(record, dict)), {})
    named = roles(data)
    words = named.get("source") or next((name for name in WORD_NAMES if name in record), "")
    if words not in record or not isinstance(record[words], (list, str)):
        return None
    tags = named.get("target") or next((name for name in TAG_NAMES if isinstance(record.get(name), list)), "")
    if isinstance(record[words], list) and tags not in record:
        error = unknown(f"column of tags in {file} called", tags or TAG_NAMES[0], record)
        raise HeedfulError(error.problem, f"{error.cure}\nSay which it is, as data.columns.target=NAME")
    return (words, tags) if isinstance(record.get(tags), list) else None


def read_tokens(file: str, data: DataSettings) -> Iterator[LabelledSource | BadRow]:
    """The sentences of a file, a bad row for each that is none; raises HeedfulError for a group that is no column."""
    columns = token_columns(file, data)
    assert columns, "the caller looked"
    is_parquet = ending_of(file) in PARQUET
    names = names_in_list(features_in(file).get(columns[1])) if is_parquet else ()
    for line, record in records(file):
        if isinstance(record, BadRow):
            yield record
            continue
        if data.group and data.group not in record:
            raise unknown(f"column for group in {file} called", data.group, record)
        where = f"{file} line {line}"
        words = words_of_record(record.get(columns[0]), columns[0], where, data)
        tags = tags_of_record(record.get(columns[1]), columns[1], where, names)
        if isinstance(words, BadRow):
            yield words
        elif isinstance(tags, BadRow):
            yield tags
        elif len(words) != len(tags):
            lengths = f"{count(len(tags), 'tag')} in {columns[1]} for {count(len(words), 'word')} in {columns[0]}"
            yield BadRow(where, lengths, " ".join(words))
        else:
            group = text_of(record[data.group]) or "" if data.group else ""
            yield LabelledSource(" ".join(words), tags, group, file, line, words=True)


def words_of_record(value: Any, name: str, where: str, data: DataSettings) -> list[str] | BadRow:
    """The words of a record in the recipe's Unicode form; white space inside one does not break it."""
    texts = WHITE.split(value.strip(" \t\r\n")) if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts:
        return BadRow(where, f"no list of words in {name}", "")
    words = []
    for place, text in enumerate(texts, 1):
        word = text.strip(" \t\r\n") if isinstance(text, str) else ""
        problem = problem_of(word) if word else f"{text!r} is no word"
        if problem:
            return BadRow(where, f"{name}, word {place:,}: {problem}", "")
        words.append(WHITE.sub(NO_BREAK, normalize_text(WHITE.sub(NO_BREAK, word), data.normalize)))
    return words


def tags_of_record(value: Any, name: str, where: str, names: tuple[str, ...]) -> tuple[str, ...] | BadRow:
    """The tags of a record as labels, "" for masked ones."""
    if not isinstance(value, list):
        return BadRow(where, f"no list of tags in {name}", "")
    labels = []
    for place, tag in enumerate(value, 1):
        label = label_of(tag, names)
        if label is None or problem_of(label):
            cure = list_classes(names) if names else ""
            return BadRow(where, f"{name}, tag {place:,}: {quote(str(tag))} is no class", "", cure)
        labels.append((label, where))
    return check_labels(labels)


def label_of(tag: Any, names: tuple[str, ...]) -> str | None:
    """The label that a tag stands for, "" for a mask; None if it stands for none."""
    if tag is None or isinstance(tag, str):
        return tag or ""
    if isinstance(tag, bool) or not isinstance(tag, (int, float)) or tag != tag // 1:
        return None
    number = int(tag)
    if number == MASKS[0] or (names and number in MASKS):
        return ""
    if not names:
        return str(number)
    return names[number] if 0 <= number < len(names) else None


def records(file: str) -> Iterator[tuple[int, Record | BadRow]]:
    """The records of a file by line or row number."""
    if ending_of(file) in PARQUET:
        yield from enumerate(parquet_records(file, (), []), 1)
        return
    for number, text in read_lines(file):
        if isinstance(text, BadRow):
            yield number, text
        elif text.strip():
            yield number, record_of(text, f"{file} line {number}")


def record_of(text: str, where: str) -> Record | BadRow:
    """The record on a line."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        return BadRow(where, f"not valid JSON ({why})", text)
    return value if isinstance(value, dict) else BadRow(where, 'not a JSON object such as {"tokens": …}', text)
