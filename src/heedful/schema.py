"""The tables of a recipe and their keys. Every key is described where it is declared, and that description is what
errors, `heedful recipes` and the docs show.
"""

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator

Auto = Literal["auto"]
Task = Literal["classify", "caption", "draw", "translate", "label", "complete", "fill", "match"]
Size = Literal["tiny", "small", "base"]
Format = Literal["auto", "tsv", "csv", "jsonl", "parquet", "parallel", "lexicon", "karpathy", "conll", "lines", "text"]
Augment = Literal["flip", "shift", "turn", "colour", "erase"]
Share = Annotated[float, Field(ge=0, lt=1)]
Seed = Annotated[int, Field(ge=0)]
TASKS: tuple[str, ...] = get_args(Task)
SIZES: tuple[str, ...] = get_args(Size)


def only(*tasks: str) -> dict[str, Any]:
    """Marks a key that only these tasks use; `tasks_of` reads it, and another task's recipe may not set it."""
    return {"tasks": list(tasks)}


SAY = only("caption", "translate", "complete")
SEARCH = only("caption", "draw", "translate", "complete")
SEE = only("classify", "caption", "draw", "label", "match")


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
    format: Format = Field(default="auto", description="auto: by the file's ending, or by what a folder holds")
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
    source_tokenizer: str = Field(
        default="auto",
        description="characters, symbols, bpe, unigram or a tokenizer.json",
        json_schema_extra=only("classify", "draw", "translate", "complete", "fill"),
    )
    target_tokenizer: str = Field(
        default="auto",
        description="characters, symbols, bpe, unigram or a tokenizer.json",
        json_schema_extra=only("caption", "translate", "complete", "fill", "match"),
    )
    shared_tokenizer: bool = Field(
        default=False, description="one tokenizer, learnt from both sides", json_schema_extra=only("translate")
    )
    vocabulary: Auto | int = Field(
        default="auto",
        description="entries of a bpe or unigram tokenizer",
        json_schema_extra=only("classify", "caption", "draw", "translate", "complete", "fill", "match"),
    )
    picture: Auto | int = Field(
        default="auto", description="side of pictures and frames in pixels; auto: from the data", json_schema_extra=SEE
    )
    colours: Literal["auto", "rgb", "gray"] = Field(
        default="auto", description="auto: gray if every picture is", json_schema_extra=SEE
    )
    fit: Literal["crop", "pad", "stretch"] = Field(
        default="crop", description="how a picture that is not square is made so", json_schema_extra=SEE
    )
    frame_rate: float = Field(
        default=0.0,
        ge=0,
        description="frames a second taken of videos; 0: every frame",
        json_schema_extra=only("label"),
    )
    window: int = Field(
        default=0,
        ge=0,
        description="steps or tokens a network reads at once; 0: all of a clip, 256 of a document",
        json_schema_extra=only("label", "complete", "fill"),
    )
    valid_rows: Auto | int = Field(default="auto", description="rows held out where valid is auto")
    seed: Auto | Seed = Field(default="auto", description="of what is held out and sampled; auto: the recipe's own")
    min_tokens: int = Field(default=0, ge=0, description="rows with a shorter side are left out, counted")
    max_tokens: int = Field(default=0, ge=0, description="rows with a longer side are left out, counted; 0: none")
    max_ratio: float = Field(
        default=0.0,
        ge=0,
        description="rows whose sides differ by more are left out, counted; 0: none",
        json_schema_extra=only("translate"),
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
    patch: Auto | Literal["rows", "whole"] | int = Field(
        default="auto", description="a picture is read in squares of this side, in its rows, or as a whole"
    )
    stem: Auto | int = Field(
        default="auto", description="convolutions before a picture is read, each halving it; 0: none"
    )
    pool: Literal["auto", "summary", "mean", "class"] = Field(
        default="auto", description="what one answer is read from: the encoder's own summary, the mean, a class token"
    )
    causal: Auto | bool = Field(
        default="auto", description="each step sees only those before it", json_schema_extra=only("label")
    )
    codes: Auto | int = Field(
        default="auto", description="entries of the codebook of pictures, about", json_schema_extra=only("draw")
    )
    norm: Literal["auto", "pre", "post"] = Field(default="auto", description="layer norm before or after each part")
    positions: Literal["auto", "sinusoidal", "learned", "rotary", "grid", "line"] = Field(
        default="auto", description="how order is told; grid and line: that of the patches of a picture"
    )
    context: Auto | Annotated[int, Field(ge=1)] = Field(
        default="auto", description="positions that a network with learned ones can tell apart; auto: 512"
    )
    activation: Literal["auto", "relu", "gelu", "gelu_tanh", "quick_gelu", "silu"] = Field(
        default="auto", description="function inside the feed-forward part of a Transformer"
    )
    epsilon: Auto | Annotated[float, Field(gt=0)] = Field(
        default="auto", description="what layer norms add to the variance"
    )
    tied: Auto | bool = Field(default="auto", description="output layer shares the target embedding")


class Train(Section):
    """How long, how fast, on what. One of minutes, steps and epochs is the budget."""

    minutes: float | None = Field(default=None, gt=0, description="wall minutes of training; validation is shown apart")
    steps: int | None = Field(default=None, gt=0, description="optimizer steps")
    epochs: float | None = Field(default=None, gt=0, description="passes over the training rows")
    batch_tokens: Auto | int = Field(default="auto", description="padded tokens in a batch, the longer side counted")
    accumulate: int = Field(default=1, ge=1, description="batches a step")
    learning_rate: Auto | float = Field(
        default="auto",
        description="peak of the schedule, a number above 0; auto: by width, a tenth of it from weights that exist",
    )
    schedule: Literal["auto", "cosine", "inverse_sqrt", "constant"] = Field(
        default="auto", description="auto: cosine to zero"
    )
    warmup: Auto | float = Field(default="auto", description="below 1: share of the budget; else steps")
    weight_decay: float = Field(default=0.01, ge=0, description="of matrices; never of biases, norms and embeddings")
    layer_decay: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="learning rate of each layer, of the one above; embeddings lowest; 1: alike",
    )
    freeze: list[str] = Field(
        default=[], description="parts whose weights stay as they are: embedding, encoder.layers.0"
    )
    label_smoothing: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        description="share of probability spread over the vocabulary",
        json_schema_extra=only("classify", "caption", "draw", "translate", "label", "complete", "fill"),
    )
    clip: float = Field(default=1.0, gt=0, description="largest norm of the whole gradient")
    average: Auto | float = Field(default="auto", description="decay of the running average of weights; 0: none")
    valid_every: Auto | int = Field(default="auto", description="steps between two validations")
    valid_limit: int = Field(
        default=500, gt=0, description="validation examples answered each time, the same ones always"
    )
    patience: int = Field(default=0, ge=0, description="validations without a new best before stopping; 0: never")
    device: str = Field(default="auto", description="auto, cpu, cuda, cuda:1, mps")
    augment: Auto | list[Augment] = Field(
        default="auto",
        description="how pictures are varied, seeded by example: flip, shift, turn, colour, erase",
        json_schema_extra=only("classify", "caption", "label", "match"),
    )
    mix: Auto | float = Field(
        default="auto",
        description="share of batches whose examples are mixed (mixup, cutmix)",
        json_schema_extra=only("classify"),
    )
    class_weights: Literal["none", "balanced"] = Field(
        default="none", description="balanced: rare classes count more", json_schema_extra=only("classify")
    )
    smooth_steps: float = Field(
        default=0.0, ge=0, description="weight of the loss on jumps between steps", json_schema_extra=only("label")
    )
    drop_source: Auto | Share = Field(
        default="auto", description="share of examples shown without source", json_schema_extra=only("draw")
    )
    codebook: Auto | Share = Field(
        default="auto", description="share of the budget that the codebook gets", json_schema_extra=only("draw")
    )
    mask: float = Field(
        default=0.15,
        gt=0,
        lt=1,
        description="share of tokens that are gaps to be filled",
        json_schema_extra=only("fill"),
    )
    whole_words: bool = Field(
        default=False, description="all pieces of a word are gaps together", json_schema_extra=only("fill")
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto", description="auto: bfloat16 where the hardware has it"
    )
    threads: Auto | int = Field(default="auto", description="processor threads")
    workers: int = Field(default=0, ge=0, description="processes that prepare batches")
    track: Literal["none", "tensorboard"] = Field(default="none", description="a second log beside metrics.jsonl")


class Generate(Section):
    """How an answer is searched for. Scores are log probabilities under the unmodified network."""

    beam: int = Field(default=4, ge=1, description="hypotheses kept a source; 1: greedy", json_schema_extra=SEARCH)
    n_best: int = Field(default=1, ge=1, description="answers a source, at most beam (or samples)")
    length_penalty: float = Field(
        default=1.0,
        ge=0,
        description="score / length ** penalty orders the finished; 0: raw score",
        json_schema_extra=SEARCH,
    )
    finish: Literal["shrink", "sure", "likely", "full"] = Field(
        default="shrink",
        description="shrink: what is finished keeps its place in the beam; else another grows there, until none can "
        "win (sure), none would if it ended now (likely), or beam are finished (full)",
        json_schema_extra=SAY,
    )
    close: bool = Field(
        default=False,
        description="the last token of a longest answer is its end, at no cost, if no phrases are asked for",
        json_schema_extra=only("caption", "translate"),
    )
    renormalize: bool = Field(
        default=False,
        description="in choosing, tokens that may not be said leave their share to the rest",
        json_schema_extra=SAY,
    )
    max_length: Auto | int = Field(
        default="auto", description="longest answer in tokens; reaching it is reported", json_schema_extra=SAY
    )
    sample: bool = Field(
        default=False, description="draw from the distribution rather than search for its top", json_schema_extra=SEARCH
    )
    temperature: float = Field(
        default=1.0, gt=0, description="below 1: safer, above 1: wilder", json_schema_extra=SEARCH
    )
    top_k: int = Field(default=0, ge=0, description="draw from the k likeliest; 0: all", json_schema_extra=SEARCH)
    top_p: float = Field(
        default=1.0, gt=0, le=1, description="draw from the fewest that hold this share", json_schema_extra=SEARCH
    )
    min_p: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="draw from those with this share of the likeliest one's",
        json_schema_extra=SEARCH,
    )
    guidance: float = Field(
        default=1.0,
        ge=0,
        description="how far away from what would be drawn without a source",
        json_schema_extra=only("draw"),
    )
    repetition_penalty: float = Field(
        default=1.0, ge=1, description="divides the odds of tokens already said", json_schema_extra=SAY
    )
    no_repeat_ngram: int = Field(
        default=0, ge=0, description="no n-gram of this length twice; 0: off", json_schema_extra=SAY
    )
    prefix: str = Field(default="", description="the answer must begin so", json_schema_extra=SAY)
    required: list[str] = Field(default=[], description="phrases the answer must hold", json_schema_extra=SAY)
    forbidden: list[str] = Field(default=[], description="phrases the answer must not hold", json_schema_extra=SAY)
    stop: list[str] = Field(
        default=[], description="texts at which an answer ends, before the first of them", json_schema_extra=SAY
    )
    long_prompt: Literal["error", "end"] = Field(
        default="error",
        description="end: of a prompt too long for the network only the end is read",
        json_schema_extra=only("complete"),
    )
    template: list[str] = Field(
        default=[],
        description='what texts are put into, as "a photo of a {}"; commas part several, whose mean counts',
        json_schema_extra=only("match"),
    )
    batch_tokens: int = Field(default=8000, gt=0, description="padded source tokens times beams searched at once")
    seed: int = Field(
        default=0,
        ge=0,
        description="of sampling: it and the source decide the answer, wherever it stands",
        json_schema_extra=SEARCH,
    )

    @field_validator("template")
    @classmethod
    def has_room(cls, templates: list[str]) -> list[str]:
        """The templates, if each says where the text goes."""
        if not all("{}" in one for one in templates):
            raise ValueError(templates)
        return templates


class Recipe(Section):
    """A whole recipe.

    >>> from heedful.recipe import build
    >>> recipe = build("translate", {"data.train": ["pairs.tsv"], "network.name": "gru", "train.steps": 100})
    >>> recipe.train.steps
    100
    """

    task: Task
    seed: int = Field(default=0, ge=0, description="of everything: split, order, weights, dropout")
    start: str = Field(
        default="", description="what weights are the beginning (--from): a run, a folder or name of published ones"
    )
    data: Data = Data()
    network: Network = Network()
    train: Train = Train()
    generate: Generate = Generate()

    @property
    def data_seed(self) -> int:
        """What decides which rows are held out and sampled."""
        return self.seed if self.data.seed == "auto" else self.data.seed
