"""What is to be done: a recipe, read from TOML or built from flags, and checked strictly.

`auto` stands where the software decides; what it decided is written into the run's own recipe. Every key is
described where it is declared, and that description is what errors, `heedful recipes` and the docs show.
"""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from heedful.errors import HeedfulError, nearest, unknown

Auto = Literal["auto"]
Task = Literal["classify", "caption", "draw", "translate", "label", "complete", "fill", "match"]
Size = Literal["tiny", "small", "base"]
Format = Literal["auto", "tsv", "csv", "jsonl", "parquet", "parallel", "lexicon"]
Share = Annotated[float, Field(ge=0, lt=1)]
TASKS: tuple[str, ...] = get_args(Task)
SIZES: tuple[str, ...] = get_args(Size)


class Section(BaseModel):
    """A table of the recipe: no unknown keys, no silent conversions, never changed once made."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Data(Section):
    """Where the examples come from, and what is done to them before a network sees them."""

    train: list[str] = Field(
        default=[], description="files to learn from: paths, sample://name/split or hf://owner/dataset"
    )
    valid: Auto | list[str] = Field(
        default="auto", description="files to choose by; auto: rows held out of train by the seed"
    )
    test: list[str] = Field(default=[], description="files scored once, at the end")
    format: Format = Field(default="auto", description="auto: by the file's ending")
    columns: dict[str, str] | list[str] = Field(
        default={}, description="columns by role (source=sku_title) or in order (1,2)"
    )
    group: str = Field(default="", description="column whose equal values never stand on two sides of a split")
    bad_rows: Literal["error", "skip"] = Field(
        default="error", description="skip: leave bad rows out, counted and listed"
    )
    overlap: Literal["drop", "keep"] = Field(
        default="drop", description="training rows whose source stands in valid or test"
    )
    normalize: Literal["none", "NFC"] = Field(default="none", description="Unicode normal form given to the texts")
    source_tokenizer: str = Field(default="auto", description="characters, symbols, bpe, unigram or a tokenizer.json")
    target_tokenizer: str = Field(default="auto", description="characters, symbols, bpe, unigram or a tokenizer.json")
    shared_tokenizer: bool = Field(default=False, description="one tokenizer, learnt from both sides")
    vocabulary: Auto | int = Field(default="auto", description="entries of a bpe or unigram tokenizer")
    valid_rows: Auto | int = Field(default="auto", description="rows held out where valid is auto")
    min_tokens: int = Field(default=0, ge=0, description="rows with a shorter side are left out, counted")
    max_tokens: int = Field(default=0, ge=0, description="rows with a longer side are left out, counted; 0: none")
    max_ratio: float = Field(
        default=0.0, ge=0, description="rows whose sides differ by more are left out, counted; 0: none"
    )


class Network(Section):
    """Which row of the lineage, how large, and what differs from the row."""

    name: str = Field(default="auto", description="a row of the lineage: heedful networks lists them")
    size: Size = Field(default="small", description="tiny, small or base: a row of one table")
    width: Auto | int = Field(default="auto", description="vector size at each position")
    depth: Auto | int = Field(default="auto", description="layers of the encoder, and of the decoder")
    heads: Auto | int = Field(default="auto", description="attention heads")
    inner: Auto | int = Field(default="auto", description="width inside the feed-forward part of a Transformer")
    dropout: Auto | Share = Field(default="auto", description="share of activations dropped in training, below 1")
    cell: Literal["auto", "rnn", "lstm", "gru"] = Field(default="auto", description="recurrent cell of both sides")
    attention: Literal["auto", "additive", "dot", "general", "concat"] = Field(
        default="auto", description="score of attention"
    )
    feeding: Auto | bool = Field(default="auto", description="input feeding (Luong 2015)")
    norm: Literal["auto", "pre", "post"] = Field(default="auto", description="layer norm before or after each part")
    positions: Literal["auto", "sinusoidal", "learned", "rotary"] = Field(
        default="auto", description="how order is told"
    )
    tied: Auto | bool = Field(default="auto", description="output layer shares the target embedding")


class Train(Section):
    """How long, how fast, on what. One of minutes, steps and epochs is the budget."""

    minutes: float | None = Field(default=None, gt=0, description="wall minutes of training; validation is shown apart")
    steps: int | None = Field(default=None, gt=0, description="optimizer steps")
    epochs: float | None = Field(default=None, gt=0, description="passes over the training rows")
    batch_tokens: Auto | int = Field(default="auto", description="padded tokens in a batch, the longer side counted")
    accumulate: int = Field(default=1, ge=1, description="batches a step")
    learning_rate: Auto | float = Field(default="auto", description="peak of the schedule, a number above 0")
    schedule: Literal["auto", "cosine", "inverse_sqrt", "constant"] = Field(
        default="auto", description="auto: cosine to zero"
    )
    warmup: Auto | float = Field(default="auto", description="below 1: share of the budget; else steps")
    weight_decay: float = Field(default=0.01, ge=0, description="of matrices; never of biases, norms and embeddings")
    label_smoothing: float = Field(
        default=0.1, ge=0, lt=1, description="share of probability spread over the vocabulary"
    )
    clip: float = Field(default=1.0, gt=0, description="largest norm of the whole gradient")
    average: Auto | float = Field(default="auto", description="decay of the running average of weights; 0: none")
    valid_every: Auto | int = Field(default="auto", description="steps between two validations")
    valid_limit: int = Field(
        default=500, gt=0, description="validation examples answered each time, the same ones always"
    )
    patience: int = Field(default=0, ge=0, description="validations without a new best before stopping; 0: never")
    device: str = Field(default="auto", description="auto, cpu, cuda, cuda:1, mps")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto", description="auto: bfloat16 where the hardware has it"
    )
    threads: Auto | int = Field(default="auto", description="processor threads")
    workers: int = Field(default=0, ge=0, description="processes that prepare batches")
    track: Literal["none", "tensorboard"] = Field(default="none", description="a second log beside metrics.jsonl")


class Generate(Section):
    """How an answer is searched for. Scores are log probabilities under the unmodified network."""

    beam: int = Field(default=4, ge=1, description="hypotheses kept a source; 1: greedy")
    n_best: int = Field(default=1, ge=1, description="answers a source, at most beam (or samples)")
    length_penalty: float = Field(
        default=1.0, ge=0, description="score / length ** penalty orders the finished; 0: raw score"
    )
    max_length: Auto | int = Field(default="auto", description="longest answer in tokens; reaching it is reported")
    sample: bool = Field(default=False, description="draw from the distribution rather than search for its top")
    temperature: float = Field(default=1.0, gt=0, description="below 1: safer, above 1: wilder")
    top_k: int = Field(default=0, ge=0, description="draw from the k likeliest; 0: all")
    top_p: float = Field(default=1.0, gt=0, le=1, description="draw from the fewest that hold this share")
    min_p: float = Field(default=0.0, ge=0, lt=1, description="draw from those with this share of the likeliest one's")
    repetition_penalty: float = Field(default=1.0, ge=1, description="divides the odds of tokens already said")
    no_repeat_ngram: int = Field(default=0, ge=0, description="no n-gram of this length twice; 0: off")
    prefix: str = Field(default="", description="the answer must begin so")
    required: list[str] = Field(default=[], description="phrases the answer must hold")
    forbidden: list[str] = Field(default=[], description="phrases the answer must not hold")
    batch_tokens: int = Field(default=8000, gt=0, description="padded source tokens times beams searched at once")
    seed: int = Field(default=0, ge=0, description="of sampling: example i draws with its own generator")


class Recipe(Section):
    """A whole recipe.

    >>> recipe = build("translate", {"data.train": ["pairs.tsv"], "network.name": "gru", "train.steps": 100})
    >>> recipe.train.steps
    100
    """

    task: Task
    seed: int = Field(default=0, ge=0, description="of everything: split, order, weights, dropout")
    start: str = Field(default="", description="a run whose weights are the beginning (--from)")
    data: Data = Data()
    network: Network = Network()
    train: Train = Train()
    generate: Generate = Generate()


SECTIONS: dict[str, type[Section]] = {"data": Data, "network": Network, "train": Train, "generate": Generate}


def build(task: str, changes: dict[str, Any] | None = None, base: dict[str, Any] | None = None) -> Recipe:
    """A checked recipe from a task, dotted changes (`{"train.steps": 10}`) and, beneath them, a TOML table.

    Raises HeedfulError for an unknown task, an unknown key (with the nearest) or a value that is not allowed.
    """
    if task not in TASKS:
        raise unknown("task", task, TASKS)
    table: dict[str, Any] = {k: dict(v) if isinstance(v, dict) else v for k, v in (base or {}).items()}
    table["task"] = task
    for key, value in (changes or {}).items():
        place(table, key, value)
    return check(table)


def load(path: Path | str, changes: dict[str, Any] | None = None) -> Recipe:
    """Reads a recipe file, with dotted changes on top; raises HeedfulError naming the file and what is wrong."""
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise HeedfulError(f"The recipe {path} cannot be read: {error}.") from None
    except tomllib.TOMLDecodeError as error:
        raise HeedfulError(f"The recipe {path} is not valid TOML: {error}.") from None
    if "task" not in table:
        raise HeedfulError(
            f"The recipe {path} names no task.", f'Add a line such as task = "translate" ({", ".join(TASKS)}).'
        )
    try:
        return build(table["task"], changes, table)
    except HeedfulError as error:
        raise HeedfulError(f"{path}: {error.problem}", error.cure) from None


def dump(recipe: Recipe) -> str:
    """The recipe as TOML, complete: every key with the value in force (`load` gives the same recipe back)."""
    return tomli_w.dumps(recipe.model_dump(exclude_none=True))


def change(recipe: Recipe, changes: dict[str, Any]) -> Recipe:
    """The same recipe with dotted keys changed, checked anew."""
    return build(recipe.task, changes, recipe.model_dump(exclude_none=True))


def differences(old: Recipe, new: Recipe) -> list[str]:
    """One line a key on which two recipes disagree, as `train.steps: 100 here, 200 asked for`."""
    one, two = flat(old.model_dump()), flat(new.model_dump())
    return [
        f"{key}: {one.get(key)!r} here, {two.get(key)!r} asked for"
        for key in sorted(one | two)
        if one.get(key) != two.get(key)
    ]


def flat(table: dict[str, Any]) -> dict[str, Any]:
    """A recipe's tables with dotted keys: {"train": {"steps": 1}} -> {"train.steps": 1}."""
    rows: dict[str, Any] = {}
    for key, value in table.items():
        rows |= {f"{key}.{name}": inner for name, inner in value.items()} if key in SECTIONS else {key: value}
    return rows


def parse(settings: Iterable[str]) -> dict[str, Any]:
    """Dotted changes from `key=value` words of a command line; values are TOML, or else plain words.

    >>> parse(["train.learning_rate=3e-4", "network.cell=lstm", "data.columns=1,2"])
    {'train.learning_rate': 0.0003, 'network.cell': 'lstm', 'data.columns': ['1', '2']}
    """
    changes: dict[str, Any] = {}
    for word in settings:
        key, equals, text = word.partition("=")
        if not equals or not key:
            raise HeedfulError(
                f'"{word}" is neither a file nor a setting.', "Settings are written key=value, as train.steps=500."
            )
        changes[key] = value_of(key, text)
    return changes


def value_of(key: str, text: str) -> Any:
    """The value that `text` stands for under `key`: lists are comma-separated, numbers fit the key's type."""
    kind = str(annotation(key))
    if "list[str]" in kind and not text.startswith("[") and text != "auto":
        return [part for part in text.split(",") if part]
    if kind in ("<class 'str'>", "dict[str, str] | list[str]") and not text.startswith(("[", "{")):
        return text
    try:
        value = tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        return text
    return float(value) if "float" in kind and isinstance(value, int) and not isinstance(value, bool) else value


def annotation(key: str) -> Any:
    """The declared type of a dotted key; raises HeedfulError with the nearest key for an unknown one."""
    first, _, rest = key.partition(".")
    if first in SECTIONS and rest:
        name = rest.partition(".")[0]
        if name == "columns" and rest != "columns":
            return str
        if name in SECTIONS[first].model_fields and name == rest:
            return SECTIONS[first].model_fields[name].annotation
    elif first in Recipe.model_fields and first not in SECTIONS and not rest:
        return Recipe.model_fields[first].annotation
    raise unknown_key(key)


def keys() -> list[str]:
    """Every dotted key that a recipe may hold."""
    below = [f"{section}.{name}" for section, model in SECTIONS.items() for name in model.model_fields]
    return [name for name in Recipe.model_fields if name not in SECTIONS] + below


def place(table: dict[str, Any], key: str, value: Any) -> None:
    """Sets a dotted key in nested tables; None takes the key out. A new budget replaces the old one."""
    annotation(key)
    *path, last = key.split(".")
    for part in path:
        inner = table.get(part)
        table[part] = dict(inner) if isinstance(inner, dict) else {}
        table = table[part]
    budget = ("minutes", "steps", "epochs")
    if path == ["train"] and last in budget:
        for other in budget:
            table.pop(other, None)
    if value is None:
        table.pop(last, None)
    else:
        table[last] = value


def check(table: dict[str, Any]) -> Recipe:
    """A recipe from nested tables; raises HeedfulError for the first thing wrong."""
    try:
        recipe = Recipe.model_validate(table)
    except ValidationError as error:
        raise plain(error, table) from None
    budgets = [name for name in ("minutes", "steps", "epochs") if getattr(recipe.train, name) is not None]
    if len(budgets) > 1:
        raise HeedfulError(f"The recipe has {len(budgets)} budgets: {', '.join(budgets)}.", "Keep one of them.")
    return recipe


def plain(error: ValidationError, table: dict[str, Any]) -> HeedfulError:
    """What pydantic found, in our words."""
    first = error.errors()[0]
    # pydantic appends the union member it tried to the place; only names that the recipe has are of use to a person.
    path = [str(part) for part in first["loc"]]
    known = 2 if path[0] in SECTIONS and len(path) > 1 else 1
    key = ".".join(path[:known])
    if first["type"] == "extra_forbidden":
        return unknown_key(key)
    value: Any = table
    for part in path[:known]:
        value = value.get(part) if isinstance(value, dict) else value
    return HeedfulError(f"{key} cannot be {value!r}.", describe(key))


def unknown_key(key: str) -> HeedfulError:
    """The error for a key that no recipe has, with the nearest that it may have."""
    match = nearest(key, keys()) or nearest(key.split(".")[-1], [k.split(".")[-1] for k in keys()])
    full = next((k for k in keys() if k == match or k.endswith(f".{match}")), None)
    return HeedfulError(f"The recipe has no key {key}.", f"Nearest: {describe(full)}" if full else "")


def describe(key: str) -> str:
    """A key, what it means, what it may be and its default, in a line."""
    first, _, rest = key.partition(".")
    field = (
        SECTIONS[first].model_fields[rest]
        if rest in getattr(SECTIONS.get(first), "model_fields", {})
        else Recipe.model_fields[first]
    )
    kind = str(field.annotation).replace("typing.", "").replace("<class '", "").replace("'>", "")
    kind = kind.replace("Literal[", "one of [").replace("NoneType", "nothing")
    return f"{key} ({field.description or 'a table'}; {kind}; default {field.get_default()!r})"
