"""The tables of a recipe and their keys: plain frozen records; pydantic validates only what a person wrote.

Every key has its description in its declaration; errors, `heedful recipes` and the docs show it. Which tasks use a key
is declared by those tasks (`TaskFacts.keys`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, TypeVar, get_args

from heedful.errors import HeedfulError, quote, unknown
from heedful.types_of_values import fits, is_within, type_hints

Auto = Literal["auto"]
Size = Literal["tiny", "small", "base"]
Format = Literal[
    "auto",
    "tsv",
    "csv",
    "jsonl",
    "json",
    "parquet",
    "xlsx",
    "tmx",
    "parallel",
    "lexicon",
    "flickr",
    "karpathy",
    "conll",
    "lines",
    "text",
]
NormalForm = Literal["none", "NFC"]
Augment = Literal["flip", "shift", "turn", "colour", "erase"]
Long = Literal["auto", "windows", "cut", "leave", "error"]
EngineName = Literal["auto", "torch", "onnx", "ct2"]
Precision = Literal["float32", "int8"]
PrecisionName = Auto | Precision
SEEDS = 2**63  # as many as the numbers of a recipe file
SIZES: tuple[str, ...] = get_args(Size)

Settings = TypeVar("Settings", bound="DataSettings | NetworkSettings | TrainSettings | GenerateSettings")


def key(default: Any, description: str, **limits: Any) -> Any:
    """A key of a table: default, description and limits (`ge`, `gt`, `le`, `lt`; `holds`: in each text)."""
    metadata = {"description": description, "limits": limits}
    if isinstance(default, list | dict):
        return field(default_factory=default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Where the examples come from, and how they are preprocessed."""

    train: list[str] = key(
        [], "training files: paths, sample://name/split or hf://owner/name[@revision][/config]/split"
    )
    valid: Auto | list[str] = key("auto", "validation files; auto: rows held out from train by the seed")
    test: list[str] = key([], "test files, scored once at the end of training")
    format: Format = key("auto", "format of the files; auto: by the file extension, or by the contents of a folder")
    columns: dict[str, str] | list[str] = key({}, "columns by role (source=sku_title) or in order (1,2)")
    group: str = key("", "column whose equal values stay on the same side of a split")
    bad_rows: Literal["error", "skip"] = key(
        "error", "error: stop at bad rows; skip: skip them, with a count and a list"
    )
    overlap: Literal["drop", "keep"] = key("drop", "training rows whose source is also in valid or test")
    normalize: NormalForm = key("none", "Unicode normal form of the texts")
    source_tokenizer: str = key("auto", "characters, symbols, bpe, unigram or a tokenizer.json")
    target_tokenizer: str = key("auto", "characters, symbols, bpe, unigram or a tokenizer.json")
    shared_tokenizer: bool = key(False, "one tokenizer for both sides, learnt from both")
    lowercase: bool = key(False, "texts are read in lower case, by a tokenizer that is learnt so")
    vocabulary: Auto | int = key("auto", "vocabulary size of a bpe or unigram tokenizer", ge=1, le=1_000_000)
    picture: Auto | int = key("auto", "side of pictures and frames in pixels; auto: from the data", ge=1, le=2048)
    colours: Literal["auto", "rgb", "gray"] = key("auto", "colour channels of pictures; auto: gray if every picture is")
    fit: Literal["crop", "pad", "stretch"] = key("crop", "how pictures are made square")
    frame_rate: float = key(0.0, "frames per second that are read from videos; 0: every frame", ge=0, le=1000)
    window: Auto | int = key(
        "auto",
        "steps or tokens that a network reads at once; 0: all of a clip, 256 of a document; auto: 128 of a clip or "
        "series, 256 of a text or document",
        ge=0,
        le=1_000_000,
    )
    answer_window: Auto | int = key(
        "auto",
        "steps that are read at once in answering and scoring; 0: all of a clip; auto: as many as in training, and all "
        "by other networks than Transformers if window is auto too",
        ge=0,
        le=1_000_000,
    )
    valid_rows: Auto | int = key(
        "auto", "number of rows held out where valid is auto; auto: a fifth of small sets, at most 2,000", ge=1
    )
    folds: int = key(
        0,
        "cross-validation: a training for each fold, scored on it, then one on all rows; 0: none",
        ge=0,
        le=100,
    )
    fold: Auto | int = key(
        "auto", "the one fold that is held out and scored on, from 1 to folds; auto: each in turn", ge=1, le=100
    )
    seed: Auto | int = key(
        "auto", "seed for held-out rows and for sampling rows; auto: the recipe's seed", ge=0, lt=SEEDS
    )
    long: Long = key(
        "auto",
        "rows and inputs longer than a network with trained positions reads at once; windows: read in windows that "
        "overlap; cut: their beginning is read (of a prompt the end); leave: left out; error: stop before the first "
        "step; auto: windows for label, complete and fill, else cut. A text to be written is never cut, but left out",
    )
    min_tokens: int = key(0, "rows with fewer tokens on a side are skipped and counted", ge=0)
    max_tokens: int = key(0, "rows with more tokens on a side are skipped and counted; 0: no limit", ge=0)
    max_ratio: float = key(
        0.0, "rows whose sides differ in length by a larger factor are skipped and counted; 0: no limit", ge=0
    )


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """The row of the lineage, its size, and the settings that differ from the row."""

    name: str = key("auto", "row of the lineage; heedful networks lists them")
    size: Auto | Size = key(
        "auto", "tiny, small or base: default width, depth and heads; auto: what gets its steps in the budget"
    )
    width: Auto | int = key("auto", "size of the vector at each position", ge=1, le=65_536)
    depth: Auto | int = key("auto", "number of layers of the encoder, and of the decoder", ge=1, le=1024)
    decoder_depth: Auto | int = key(
        "auto", "number of layers of the decoder, where there is an encoder too; auto: as network.depth", ge=1, le=1024
    )
    heads: Auto | int = key("auto", "number of attention heads", ge=1, le=1024)
    inner: Auto | int = key(
        "auto", "inner width of the feed-forward part of a Transformer; auto: four times the width", ge=1, le=1_000_000
    )
    dropout: Auto | float = key(
        "auto", "dropout p: fraction of activations set to zero in training, below 1", ge=0, lt=1
    )
    cell: Literal["auto", "rnn", "lstm", "gru"] = key("auto", "recurrent cell of encoder and decoder")
    attention: Literal["auto", "additive", "dot", "general", "concat"] = key(
        "auto", "score function of single-head attention"
    )
    feeding: Auto | bool = key("auto", "input feeding (Luong 2015)")
    patch: Auto | Literal["rows", "whole"] | int = key(
        "auto",
        "side of the square patches of a picture; rows: each row is a patch; whole: the picture is one patch",
        ge=1,
        le=2048,
    )
    stem: Auto | int = key(
        "auto", "number of convolutions before the patches, each halving the picture; 0: none", ge=0, le=11
    )
    pool: Literal["auto", "summary", "mean", "class"] = key(
        "auto", "pooling of the encoder's output to one vector: its own summary, the mean, a class token"
    )
    causal: Auto | bool = key("auto", "each position attends only to itself and earlier ones")
    counts: Auto | int = key(
        "auto",
        "places for pairs of pieces of a text, which are counted beside the network and weighed by TF-IDF and ridge "
        "regression, as the pieces are; 0: nothing is counted",
        ge=0,
        le=10_000_000,
    )
    codes: Auto | int = key("auto", "approximate number of entries of the codebook of pictures", ge=2, le=65_536)
    norm: Literal["auto", "pre", "post"] = key("auto", "layer norm before (pre) or after (post) each part of a block")
    positions: Literal["auto", "sinusoidal", "learned", "rotary", "grid", "line"] = key(
        "auto", "position embeddings; grid (2-D) and line (1-D): for the patches of a picture"
    )
    context: Auto | int = key("auto", "number of learned position embeddings; auto: 512", ge=1, le=1_000_000)
    activation: Literal["auto", "relu", "gelu", "gelu_tanh", "quick_gelu", "silu"] = key(
        "auto", "activation function of the feed-forward part of a Transformer"
    )
    epsilon: Auto | float = key("auto", "epsilon that layer norms add to the variance", gt=0, le=1)
    tied: Auto | bool = key("auto", "the output layer shares the weights of the target embedding")


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """Budget, optimizer, batches and hardware. One of minutes, steps and epochs is the budget."""

    minutes: float | None = key(
        None, "wall-clock minutes of training; the time for validation is shown separately", gt=0, le=10_000_000
    )
    steps: int | None = key(None, "optimizer steps", gt=0, le=1_000_000_000)
    epochs: float | None = key(None, "passes over the training rows", gt=0, le=1_000_000)
    batch_tokens: Auto | int = key("auto", "padded tokens in a batch, counted on the longer side", ge=1, le=10_000_000)
    accumulate: int = key(1, "batches per step (gradient accumulation)", ge=1, le=100_000)
    learning_rate: Auto | float = key(
        "auto",
        "peak learning rate, above 0; auto: by width, and a tenth of that with pretrained weights",
        gt=0,
        le=1000,
    )
    optimizer: Literal["auto", "adamw", "muon"] = key(
        "auto",
        "muon: the matrices of layers learn by Muon, all else by AdamW; auto: muon for networks that write, and "
        "for Transformers that fill, if they begin with nothing",
    )
    schedule: Literal["auto", "cosine", "inverse_sqrt", "constant"] = key(
        "auto", "schedule of the learning rate; auto: cosine to zero"
    )
    warmup: Auto | float = key(
        "auto",
        "warm-up of the learning rate; below 1: fraction of the budget, otherwise steps",
        ge=0,
        le=1_000_000_000,
    )
    weight_decay: float = key(0.01, "weight decay of matrices; not of biases, norms and embeddings", ge=0, le=1000)
    layer_decay: float = key(
        1.0,
        "factor of the learning rate from each layer to the one below; embeddings lowest; 1: the same for all",
        gt=0,
        le=1,
    )
    freeze: list[str] = key([], "frozen parts, such as embedding, encoder.layers.0")
    label_smoothing: float = key(0.1, "label smoothing: probability spread over the vocabulary", ge=0, lt=1)
    clip: float = key(1.0, "gradient clipping: largest norm of the whole gradient; 0: none", ge=0)
    average: Auto | float = key("auto", "decay of the running average of the weights; 0: no averaging", ge=0, lt=1)
    valid_every: Auto | int = key("auto", "steps between validations; 0: only at the end", ge=0)
    valid_limit: int = key(500, "examples of the validation set that are scored, the same ones each time", gt=0)
    patience: int = key(0, "early stopping: validations without a new best; 0: never", ge=0)
    device: str = key("auto", "device: auto, cpu, cuda, cuda:1, mps")
    augment: Auto | list[Augment] = key(
        "auto", "augmentation of pictures, seeded by example: flip, shift, turn (rotation), colour, erase"
    )
    mix: Auto | float = key("auto", "fraction of batches with mixup or cutmix", ge=0, le=1)
    class_weights: Literal["none", "balanced"] = key(
        "none", "class weights of the loss; balanced: rare classes count more"
    )
    smooth_steps: float = key(0.0, "weight of the truncated MSE between neighbouring steps (T-MSE)", ge=0, le=1_000_000)
    drop_source: Auto | float = key("auto", "fraction of training examples without source, for guidance", ge=0, lt=1)
    codebook: Auto | float = key("auto", "fraction of the budget for training the codebook", ge=0, lt=1)
    mask: Auto | float = key(
        "auto", "fraction of tokens that are masked in training; auto: 0.3; masks that are scored are 0.15", gt=0, lt=1
    )
    whole_words: bool = key(False, "whole-word masking: all subwords of a word are masked together")
    precision: Literal["auto", "float32", "bfloat16"] = key(
        "auto", "precision of training; auto: bfloat16 where the hardware supports it"
    )
    threads: Auto | int = key("auto", "CPU threads; auto and 0: one for each core", ge=0, le=1024)
    workers: int = key(0, "loader processes that prepare batches", ge=0, le=256)
    keep: bool = key(False, "keep the checkpoints of a finished run; otherwise they are deleted at its end")
    track: Literal["none", "tensorboard"] = key("none", "a second log beside metrics.jsonl")


@dataclass(frozen=True, kw_only=True)
class GenerateSettings:
    """Search and sampling of answers. Scores are log probabilities under the unmodified network, with a shortlist over
    the tokens on it.
    """

    beam: int = key(4, "beam size: hypotheses per source; 1: greedy search", ge=1, le=1000)
    n_best: int = key(1, "answers per source, at most the beam size; or number of samples", ge=1, le=10_000)
    length_penalty: float = key(
        1.0, "finished hypotheses are ranked by score / length ** penalty; 0: by the score", ge=0, le=100
    )
    finish: Literal["shrink", "sure", "likely", "full"] = key(
        "shrink",
        "shrink: a finished hypothesis keeps its place in the beam; else the place is freed, until none can win at "
        "any length (sure), none would if it ended now (likely), or as many as the beam size are finished (full)",
    )
    close: bool = key(
        False, "an answer of the longest length ends with the end token, at no cost, unless phrases are constrained"
    )
    renormalize: bool = key(False, "renormalise probabilities over the allowed tokens when ranking hypotheses")
    max_length: Auto | int = key(
        "auto", "longest answer in tokens; unfinished answers are reported", ge=1, le=1_000_000
    )
    sample: bool = key(False, "sample from the distribution instead of searching for the most probable answer")
    temperature: float = key(
        1.0,
        "temperature of sampling; below 1: less random, above 1: more random; 0: the most probable token",
        ge=0,
        le=1_000_000,
    )
    top_k: int = key(0, "sample from the k most probable tokens; 0: from all", ge=0)
    top_p: float = key(
        1.0, "nucleus sampling: from the fewest tokens whose probabilities sum to at least this", gt=0, le=1
    )
    min_p: float = key(0.0, "sample from tokens with at least this fraction of the largest probability", ge=0, lt=1)
    guidance: float = key(
        1.0, "weight of classifier-free guidance, away from the prediction without source; 1: none", ge=0, le=1000
    )
    repetition_penalty: float = key(1.0, "divisor of the odds of tokens already generated", ge=1, le=1_000_000)
    no_repeat_ngram: int = key(0, "no n-gram of this length is repeated; 0: off", ge=0)
    prefix: str = key("", "text with which the answer begins")
    required: list[str] = key([], "phrases that the answer must contain")
    forbidden: list[str] = key([], "phrases that the answer must not contain")
    stop: list[str] = key([], "texts before which an answer ends")
    long_prompt: Literal["auto", "error", "end"] = key(
        "auto", "if a prompt is too long for the network; end: only its end is read; auto: as data.long says"
    )
    template: list[str] = key(
        [],
        'templates for texts, as "a photo of a {}"; several are separated by commas, and their embeddings averaged',
        holds="{}",
    )
    whole_words: bool = key(
        True, "a gap between words is filled with whole words, and one behind a part of a word with the rest of it"
    )
    shortlist: int = key(
        0,
        "lexical shortlist: an answer is written with this many likeliest translations of each token of its source, by "
        "IBM model 1, and as many of the commonest tokens, and scored as if there were no others; 0: with all tokens",
        ge=0,
        le=1_000_000,
    )
    engine: EngineName = key(
        "auto",
        "what computes the answers: torch, onnx (onnxruntime) or ct2 (CTranslate2, Transformers that translate or "
        "complete); auto: "
        "the fastest that is there and answers alike",
    )
    device: str = key(
        "auto",
        "where torch computes the answers: cpu, cuda, cuda:1 or mps; auto: on a GPU of CUDA, if there is one and there "
        "are more than 32 inputs, else on the processor",
    )
    precision: PrecisionName = key(
        "auto",
        "what numbers ct2 computes with; auto: 8 bits where they were faster and as good on the run's validation data",
    )
    batch_tokens: int = key(8000, "padded source tokens times beams that are searched at once", gt=0, le=100_000_000)
    seed: int = key(0, "seed of sampling; samples depend on it and on the source alone", ge=0, lt=SEEDS)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A complete recipe.

    `written` holds the dotted keys that a person wrote: for all others a task may have defaults of its own.

    >>> Recipe(task="translate", train=TrainSettings(steps=100)).train.steps
    100
    """

    task: str = key("", "the task; heedful --help lists all")
    seed: int = key(0, "seed of everything: split, order, initial weights, dropout", ge=0, lt=SEEDS)
    start: str = key("", "pretrained weights (--from): a run, a folder or name of published weights")
    data: DataSettings = DataSettings()
    network: NetworkSettings = NetworkSettings()
    train: TrainSettings = TrainSettings()
    generate: GenerateSettings = GenerateSettings()
    written: frozenset[str] = field(default=frozenset(), compare=False, repr=False)

    def with_defaults(self, section: str, defaults: Mapping[str, Any]) -> "Recipe":
        """The recipe with a task's own defaults for the keys of a section that a person did not write."""
        unwritten = {name: value for name, value in defaults.items() if f"{section}.{name}" not in self.written}
        changed: dict[str, Any] = {section: replace(getattr(self, section), **unwritten)}
        return replace(self, **changed)

    @property
    def data_seed(self) -> int:
        """The seed for held-out rows and for sampling rows."""
        return self.seed if self.data.seed == "auto" else self.data.seed


def parse_settings(table: type[Settings], values: Mapping[str, Any]) -> Settings:
    """Settings from what `dataclasses.asdict` wrote; raises HeedfulError for an unknown key or a wrong value."""
    if not isinstance(values, Mapping):
        raise HeedfulError(f"{quote(values)} is no table of settings.")
    keys, hints = {setting.name: setting for setting in fields(table)}, type_hints(table)
    for name, value in values.items():
        if name not in keys:
            raise unknown("setting", name, keys)
        if not fits(value, hints[name]) or not is_within(value, keys[name].metadata["limits"]):
            raise HeedfulError(f"The setting {name} cannot be {quote(value)}.")
    return table(**values)
