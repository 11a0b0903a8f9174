"""The tables of a recipe and their keys: plain frozen records, which pydantic checks only where a person wrote them.

Every key is described where it is declared, and that description is what errors, `heedful recipes` and the docs show.
Which tasks use a key is a fact of those tasks.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, TypeVar, get_args

from heedful.errors import HeedfulError, unknown

Auto = Literal["auto"]
Size = Literal["tiny", "small", "base"]
Format = Literal["auto", "tsv", "csv", "jsonl", "parquet", "parallel", "lexicon", "karpathy", "conll", "lines", "text"]
NormalForm = Literal["none", "NFC"]
Augment = Literal["flip", "shift", "turn", "colour", "erase"]
SIZES: tuple[str, ...] = get_args(Size)

Settings = TypeVar("Settings", bound="DataSettings | NetworkSettings | TrainSettings | GenerateSettings")


def key(default: Any, description: str, **limits: Any) -> Any:
    """A key of a table: its default, what it means, and its limits (`ge`, `gt`, `le`, `lt`; `holds`: of each text)."""
    metadata = {"description": description, "limits": limits}
    if isinstance(default, list | dict):
        return field(default_factory=default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Where the examples come from, and what is done to them before a network sees them."""

    train: list[str] = key([], "files to learn from: paths, sample://name/split or hf://owner/dataset")
    valid: Auto | list[str] = key("auto", "files to choose by; auto: rows held out of train by the seed")
    test: list[str] = key([], "files scored once, at the end")
    format: Format = key("auto", "auto: by the file's ending, or by what a folder holds")
    columns: dict[str, str] | list[str] = key({}, "columns by role (source=sku_title) or in order (1,2)")
    group: str = key("", "column whose equal values never stand on two sides of a split")
    bad_rows: Literal["error", "skip"] = key("error", "skip: leave bad rows out, counted and listed")
    overlap: Literal["drop", "keep"] = key("drop", "training rows whose source stands in valid or test")
    normalize: NormalForm = key("none", "Unicode normal form given to the texts")
    source_tokenizer: str = key("auto", "characters, symbols, bpe, unigram or a tokenizer.json")
    target_tokenizer: str = key("auto", "characters, symbols, bpe, unigram or a tokenizer.json")
    shared_tokenizer: bool = key(False, "one tokenizer, learnt from both sides")
    vocabulary: Auto | int = key("auto", "entries of a bpe or unigram tokenizer")
    picture: Auto | int = key("auto", "side of pictures and frames in pixels; auto: from the data")
    colours: Literal["auto", "rgb", "gray"] = key("auto", "auto: gray if every picture is")
    fit: Literal["crop", "pad", "stretch"] = key("crop", "how a picture that is not square is made so")
    frame_rate: float = key(0.0, "frames a second taken of videos; 0: every frame", ge=0)
    window: int = key(0, "steps or tokens a network reads at once; 0: all of a clip, 256 of a document", ge=0)
    valid_rows: Auto | int = key("auto", "rows held out where valid is auto")
    seed: Auto | int = key("auto", "of what is held out and sampled; auto: the recipe's own", ge=0)
    min_tokens: int = key(0, "rows with a shorter side are left out, counted", ge=0)
    max_tokens: int = key(0, "rows with a longer side are left out, counted; 0: none", ge=0)
    max_ratio: float = key(0.0, "rows whose sides differ by more are left out, counted; 0: none", ge=0)


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """Which row of the lineage, how large, and what differs from the row."""

    name: str = key("auto", "a row of the lineage: heedful networks lists them")
    size: Size = key("small", "tiny, small or base: a row of one table")
    width: Auto | int = key("auto", "vector size at each position")
    depth: Auto | int = key("auto", "layers of the encoder, and of the decoder")
    heads: Auto | int = key("auto", "attention heads")
    inner: Auto | int = key("auto", "width inside the feed-forward part of a Transformer")
    dropout: Auto | float = key("auto", "share of activations dropped in training, below 1", ge=0, lt=1)
    cell: Literal["auto", "rnn", "lstm", "gru"] = key("auto", "recurrent cell of both sides")
    attention: Literal["auto", "additive", "dot", "general", "concat"] = key("auto", "score of attention")
    feeding: Auto | bool = key("auto", "input feeding (Luong 2015)")
    patch: Auto | Literal["rows", "whole"] | int = key(
        "auto", "a picture is read in squares of this side, in its rows, or as a whole"
    )
    stem: Auto | int = key("auto", "convolutions before a picture is read, each halving it; 0: none")
    pool: Literal["auto", "summary", "mean", "class"] = key(
        "auto", "what one answer is read from: the encoder's own summary, the mean, a class token"
    )
    causal: Auto | bool = key("auto", "each step sees only those before it")
    codes: Auto | int = key("auto", "entries of the codebook of pictures, about")
    norm: Literal["auto", "pre", "post"] = key("auto", "layer norm before or after each part")
    positions: Literal["auto", "sinusoidal", "learned", "rotary", "grid", "line"] = key(
        "auto", "how order is told; grid and line: that of the patches of a picture"
    )
    context: Auto | int = key("auto", "positions that a network with learned ones can tell apart; auto: 512", ge=1)
    activation: Literal["auto", "relu", "gelu", "gelu_tanh", "quick_gelu", "silu"] = key(
        "auto", "function inside the feed-forward part of a Transformer"
    )
    epsilon: Auto | float = key("auto", "what layer norms add to the variance", gt=0)
    tied: Auto | bool = key("auto", "output layer shares the target embedding")


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """How long, how fast, on what. One of minutes, steps and epochs is the budget."""

    minutes: float | None = key(None, "wall minutes of training; validation is shown apart", gt=0)
    steps: int | None = key(None, "optimizer steps", gt=0)
    epochs: float | None = key(None, "passes over the training rows", gt=0)
    batch_tokens: Auto | int = key("auto", "padded tokens in a batch, the longer side counted")
    accumulate: int = key(1, "batches a step", ge=1)
    learning_rate: Auto | float = key(
        "auto", "peak of the schedule, a number above 0; auto: by width, a tenth of it from weights that exist"
    )
    schedule: Literal["auto", "cosine", "inverse_sqrt", "constant"] = key("auto", "auto: cosine to zero")
    warmup: Auto | float = key("auto", "below 1: share of the budget; else steps")
    weight_decay: float = key(0.01, "of matrices; never of biases, norms and embeddings", ge=0)
    layer_decay: float = key(
        1.0, "learning rate of each layer, of the one above; embeddings lowest; 1: alike", gt=0, le=1
    )
    freeze: list[str] = key([], "parts whose weights stay as they are: embedding, encoder.layers.0")
    label_smoothing: float = key(0.1, "share of probability spread over the vocabulary", ge=0, lt=1)
    clip: float = key(1.0, "largest norm of the whole gradient", gt=0)
    average: Auto | float = key("auto", "decay of the running average of weights; 0: none")
    valid_every: Auto | int = key("auto", "steps between two validations")
    valid_limit: int = key(500, "validation examples answered each time, the same ones always", gt=0)
    patience: int = key(0, "validations without a new best before stopping; 0: never", ge=0)
    device: str = key("auto", "auto, cpu, cuda, cuda:1, mps")
    augment: Auto | list[Augment] = key(
        "auto", "how pictures are varied, seeded by example: flip, shift, turn, colour, erase"
    )
    mix: Auto | float = key("auto", "share of batches whose examples are mixed (mixup, cutmix)")
    class_weights: Literal["none", "balanced"] = key("none", "balanced: rare classes count more")
    smooth_steps: float = key(0.0, "weight of the loss on jumps between steps", ge=0)
    drop_source: Auto | float = key("auto", "share of examples shown without source", ge=0, lt=1)
    codebook: Auto | float = key("auto", "share of the budget that the codebook gets", ge=0, lt=1)
    mask: float = key(0.15, "share of tokens that are gaps to be filled", gt=0, lt=1)
    whole_words: bool = key(False, "all pieces of a word are gaps together")
    precision: Literal["auto", "float32", "bfloat16"] = key("auto", "auto: bfloat16 where the hardware has it")
    threads: Auto | int = key("auto", "processor threads")
    workers: int = key(0, "processes that prepare batches", ge=0)
    keep: bool = key(False, "the checkpoints of a finished run stay; else they go, as nothing needs them any more")
    track: Literal["none", "tensorboard"] = key("none", "a second log beside metrics.jsonl")


@dataclass(frozen=True, kw_only=True)
class GenerateSettings:
    """How an answer is searched for. Scores are log probabilities under the unmodified network."""

    beam: int = key(4, "hypotheses kept a source; 1: greedy", ge=1)
    n_best: int = key(1, "answers a source, at most beam (or samples)", ge=1)
    length_penalty: float = key(1.0, "score / length ** penalty orders the finished; 0: raw score", ge=0)
    finish: Literal["shrink", "sure", "likely", "full"] = key(
        "shrink",
        "shrink: what is finished keeps its place in the beam; else another grows there, until none can "
        "win (sure), none would if it ended now (likely), or beam are finished (full)",
    )
    close: bool = key(False, "the last token of a longest answer is its end, at no cost, if no phrases are asked for")
    renormalize: bool = key(False, "in choosing, tokens that may not be said leave their share to the rest")
    max_length: Auto | int = key("auto", "longest answer in tokens; reaching it is reported")
    sample: bool = key(False, "draw from the distribution rather than search for its top")
    temperature: float = key(1.0, "below 1: safer, above 1: wilder", gt=0)
    top_k: int = key(0, "draw from the k likeliest; 0: all", ge=0)
    top_p: float = key(1.0, "draw from the fewest that hold this share", gt=0, le=1)
    min_p: float = key(0.0, "draw from those with this share of the likeliest one's", ge=0, lt=1)
    guidance: float = key(1.0, "how far away from what would be drawn without a source", ge=0)
    repetition_penalty: float = key(1.0, "divides the odds of tokens already said", ge=1)
    no_repeat_ngram: int = key(0, "no n-gram of this length twice; 0: off", ge=0)
    prefix: str = key("", "the answer must begin so")
    required: list[str] = key([], "phrases the answer must hold")
    forbidden: list[str] = key([], "phrases the answer must not hold")
    stop: list[str] = key([], "texts at which an answer ends, before the first of them")
    long_prompt: Literal["error", "end"] = key(
        "error", "end: of a prompt too long for the network only the end is read"
    )
    template: list[str] = key(
        [], 'what texts are put into, as "a photo of a {}"; commas part several, whose mean counts', holds="{}"
    )
    batch_tokens: int = key(8000, "padded source tokens times beams searched at once", gt=0)
    seed: int = key(0, "of sampling: it and the source decide the answer, wherever it stands", ge=0)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A whole recipe.

    `written` are the dotted keys that a person wrote: what was not written, a task may have a default of its own for.

    >>> Recipe(task="translate", train=TrainSettings(steps=100)).train.steps
    100
    """

    task: str = key("", "what is learnt: heedful --help lists the tasks")
    seed: int = key(0, "of everything: split, order, weights, dropout", ge=0)
    start: str = key("", "what weights are the beginning (--from): a run, a folder or name of published ones")
    data: DataSettings = DataSettings()
    network: NetworkSettings = NetworkSettings()
    train: TrainSettings = TrainSettings()
    generate: GenerateSettings = GenerateSettings()
    written: frozenset[str] = field(default=frozenset(), compare=False, repr=False)

    def with_defaults(self, section: str, defaults: Mapping[str, Any]) -> "Recipe":
        """The recipe with what keys of a section mean to a task, where a person wrote nothing."""
        unwritten = {name: value for name, value in defaults.items() if f"{section}.{name}" not in self.written}
        changed: dict[str, Any] = {section: replace(getattr(self, section), **unwritten)}
        return replace(self, **changed)

    @property
    def data_seed(self) -> int:
        """What decides which rows are held out and sampled."""
        return self.seed if self.data.seed == "auto" else self.data.seed


def parse_settings(table: type[Settings], values: Mapping[str, Any]) -> Settings:
    """The settings that were written with `dataclasses.asdict`; raises HeedfulError for a key that there is not."""
    if not isinstance(values, Mapping):
        raise HeedfulError(f"{values!r} is no table of settings.")
    names = [setting.name for setting in fields(table)]
    for name in values:
        if name not in names:
            raise unknown("setting", name, names)
    return table(**values)
