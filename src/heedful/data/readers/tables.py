"""Files whose columns have names: CSV, JSON lines, Parquet, and datasets of the Hugging Face hub."""

import csv
import json
from collections.abc import Iterable, Iterator
from typing import Any

from heedful.data.readers.lines import check_readable, read_lines, unusable
from heedful.data.readers.rows import BadRow, Row, count, header_of, no_header
from heedful.errors import HeedfulError

ROWS = 10_000


def read_csv(file: str) -> Iterator[Row | BadRow]:
    """Rows of a CSV file with a header; a quoted text may span lines, and its row is named by its first line.

    Raises HeedfulError where a quote is never closed, since all that follows is lost.
    """
    broken: dict[int, BadRow] = {}
    reader = csv.reader(texts(file, broken), strict=True)
    names: list[str] = []
    while True:
        first = reader.line_num + 1
        where = f"{file} line {first}"
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "expected after" in str(error):
                yield BadRow(where, f"not valid CSV: {error}", "")
                continue
            raise HeedfulError(f"{where}: a quoted text begins here and does not end.", "Close the quote.") from None
        spoilt = next((broken.pop(n) for n in range(first, reader.line_num + 1) if n in broken), None)
        if spoilt and not names:
            raise no_header(spoilt)
        if spoilt:
            yield spoilt
        elif not names:
            names = header_of(fields, file)
        elif fields and len(fields) != len(names):
            problem = f"{count(len(fields), 'column')} where the header has {len(names)}"
            yield BadRow(where, problem, ",".join(fields))
        elif fields:
            yield Row(dict(zip(names, fields, strict=True)), file, first)


def texts(file: str, broken: dict[int, BadRow]) -> Iterator[str]:
    """Lines as the csv module wants them; unusable ones are noted in `broken` and passed on empty of meaning."""
    for number, text in read_lines(file):
        if isinstance(text, BadRow):
            broken[number] = text
            yield "?\n"
        else:
            yield text + "\n"


def read_jsonl(file: str) -> Iterator[Row | BadRow]:
    """An object a line. Nested objects give dotted columns: {"translation": {"en": …}} has translation.en."""
    for number, text in read_lines(file):
        if isinstance(text, BadRow):
            yield text
            continue
        if not text.strip():
            continue
        where = f"{file} line {number}"
        try:
            value = json.loads(text)
        except json.JSONDecodeError as error:
            yield BadRow(where, f"not valid JSON (column {error.colno}: {error.msg})", text)
            continue
        except RecursionError:
            yield BadRow(where, "JSON nested too deeply", text)
            continue
        if isinstance(value, dict):
            yield row(value, file, number)
        else:
            yield BadRow(where, 'not a JSON object such as {"source": "…", "target": "…"}', text)


def read_parquet(file: str, wanted: Iterable[str]) -> Iterator[Row | BadRow]:
    """Rows of a Parquet file, in chunks; only the `wanted` columns if the file has them all. Lines are row numbers."""
    check_readable(file)
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise HeedfulError(f"{file} needs pyarrow to be read.", 'pip install "heedful[data]"') from None
    try:
        parquet = pyarrow.parquet.ParquetFile(file)
    except pyarrow.ArrowInvalid as error:
        raise HeedfulError(f"{file} is not a Parquet file: {error}.") from None
    names = set(parquet.schema_arrow.names)
    chosen = [name for name in wanted if name in names] if names.issuperset(wanted) else []
    number = 0
    try:
        for batch in parquet.iter_batches(ROWS, columns=chosen or None):
            for record in batch.to_pylist():
                number += 1
                yield row(record, file, number)
    except (pyarrow.ArrowException, UnicodeDecodeError, OSError) as error:
        raise HeedfulError(f"{file} cannot be read beyond row {number}: {error}.") from None


def read_hub(name: str) -> Iterator[Row | BadRow]:
    """Rows of hf://owner/dataset[/config]/split through the datasets library and its cache; split train if not said."""
    path, config, split = hub_parts(name)
    try:
        import datasets
    except ImportError:
        raise HeedfulError(f"{name} needs the datasets library.", 'pip install "heedful[data]"') from None
    try:
        dataset: Any = datasets.load_dataset(path, config, split=split)
    except Exception as error:
        # The library raises a dozen kinds, from its own to the network's; each says in words what a user must know.
        raise HeedfulError(f"{name} cannot be read: {error}", "Written as hf://owner/dataset[/config]/split.") from None
    for number, record in enumerate(dataset, start=1):
        yield row(record, name, number)


def hub_parts(name: str) -> tuple[str, str | None, str]:
    """Dataset, configuration and split of an hf:// name.

    >>> hub_parts("hf://wmt/wmt14/de-en/validation")
    ('wmt/wmt14', 'de-en', 'validation')
    >>> hub_parts("hf://owner/pairs")
    ('owner/pairs', None, 'train')
    """
    parts = name.removeprefix("hf://").strip("/").split("/")
    if not 2 <= len(parts) <= 4:
        raise HeedfulError(f"{name} is not the name of a dataset.", "Written as hf://owner/dataset[/config]/split.")
    path = "/".join(parts[:2])
    return path, parts[2] if len(parts) == 4 else None, parts[-1] if len(parts) > 2 else "train"


def row(record: dict[str, Any], file: str, number: int) -> Row | BadRow:
    """A record as a row of texts: nested objects flattened, other values left out; bad if a text is unusable.

    A label may be a whole number: data sets count their classes.
    """
    columns: dict[str, str] = {}
    for name, value in record.items():
        inner = {f"{name}.{key}": text for key, text in value.items()} if isinstance(value, dict) else {name: value}
        for key, text in inner.items():
            if isinstance(text, str):
                problem = unusable(text)
                if problem:
                    return BadRow(f"{file} line {number}", f"{key}: {problem}", text.replace("\0", ""))
                columns[key] = text
            elif key == "label" and type(text) is int:
                columns[key] = str(text)
    return Row(columns, file, number)
