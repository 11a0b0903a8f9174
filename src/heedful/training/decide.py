"""What `auto` means: every choice that a recipe leaves to the software is made here, from facts of data and machine.

The data's own (`Decisions`) are asked for while data are prepared; the row's are in `networks/`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from heedful.data.facts import PictureFacts, PictureSettings, SplitFacts, TextFacts, TokenizerSettings
from heedful.data.tokenizers.learn import SMALLEST
from heedful.networks.configs import RecurrentEncoderConfig, TransformerConfig
from heedful.networks.lineage import LINEAGE
from heedful.networks.settings import Join
from heedful.networks.settings import resolve as resolve_network
from heedful.schema import DataSettings, NetworkSettings, Recipe, TrainSettings
from heedful.training.machine import free_cores, multiplies_bfloat16, require_device

MINUTES = 5.0  # the budget where none is given
TOKENS, WARMUP = 1024, 0.1  # of a batch, and of the budget: in few minutes many steps teach more than surer ones
GPU_BATCHES = 4  # times as large: of so small steps a GPU makes hardly more than of large ones (docs/log.md)
TUNED_TOKENS, TUNED_WARMUP, TUNED_AVERAGE = 2048, 0.05, 0.998  # from weights that exist
TUNING = 0.1  # of the usual learning rate, from weights that exist: 3e-5 at width 768, as Devlin et al. 2019, A.3
WINDOW = 256  # tokens of a document that a network reads at once
CLIP_WINDOW, CLIP_TOKENS = 128, 2048  # steps of a clip or series, and of a batch: 16 windows take little more than 8
HELD_OUT = 2000  # rows at most
SMALL_PART, LARGE_PART = 5, 20  # one in so many groups of rows is held out
FIFTH_AT_MOST = 500  # groups: what a fifth is of 2,500, and one in twenty of 10,000
LEAST = 100  # examples held out, where that is under a third
PICTURE_SIDES = 8, 64  # pixels, at least and at most
FEW_PICTURES_SIDE = 32  # at most, of few pictures that are classified: four times the steps (docs/log.md)
VOCABULARIES = 500, 32_000  # entries of bpe and unigram, at least and at most
NAMED = 4  # times as many entries, of texts that are classified
PICTURES = 512  # positions in a batch of pictures, some 30 of them: more steps teach more than surer ones
MATCHED_PICTURES = 8192  # positions where pictures are told apart from their batch
DRAWINGS = 768  # codes in a batch of drawings: 12 of 64
VALIDATIONS = 12  # over the budget
MASKED = 0.3  # of the tokens in training: twice as many as Devlin et al. 2019 teach sooner (Wettig et al. 2022)
TUNED_MASKED = 0.15  # as published weights learnt it
DRAWN_LEAST, DRAWN_A_MINUTE = 50, 100  # drawings that a validation scores: each takes a step a code
VALIDATING = 0.25  # of the training time that is spent: with a budget in minutes, what validations may take beside it
MUON_SUITS: tuple[Join, ...] = ("encoder_decoder", "decoder", "encoder_tokens")  # where it was tried, and won
MUON_RATE = 1.0  # times the width: 0.008 at 128
COUNTS = 0  # places for pairs of pieces that are counted beside a network
COUNTED_CELLS = 10_000_000  # numbers of the table of what is counted, at most
POOL = "summary"  # what a class is read from
CAUSAL = False  # labels are told from both sides of a step
AUGMENT_NAMED = ("shift", "turn")  # what leaves a picture in its class
AUGMENT_WORDED = ("shift",)  # what leaves its words right: not flips (left, right), not colours (tones of skin)
AUGMENT_FRAMES = ()  # of what was tried, nothing paid (docs/log.md)
MIX = 0.0  # of the batches
DROP_SOURCE = 0.1  # of the examples
CODEBOOK = 0.2  # of the budget
CODES = 1024  # of the codebook of pictures, about
TOKENIZERS = {
    "symbols": ("symbols", "a closed set between spaces"),
    "words": ("characters", "one word a line"),
    "sentences": ("bpe", "sentences"),
}
"""By what texts are made of: the kind of tokenizer that suits them, and why."""


def resolve(train: TrainSettings, tuned: bool = False) -> TrainSettings:
    """The section with every `auto` decided for this machine, but for what goes by the network: `resolve_recipe`.

    `tuned`: it begins with weights that exist. Raises HeedfulError for a device that is not there.
    """
    device = device_of(train)
    require_device(device, "train.device")
    budget = train.minutes or train.steps or train.epochs
    threads = torch.get_num_threads()  # the cores, or what OMP_NUM_THREADS says
    if train.threads in ("auto", 0) and not (train.steps or train.epochs):  # those are decided by data and budget alone
        threads = min(threads, free_cores())
    decided = {
        "minutes": train.minutes if budget else MINUTES,
        "batch_tokens": (TUNED_TOKENS if tuned else TOKENS) * times_larger(train),
        "schedule": "cosine",
        "warmup": TUNED_WARMUP if tuned else WARMUP,
        "average": TUNED_AVERAGE if tuned else 0.0,
        "precision": "bfloat16" if multiplies_bfloat16(device) else "float32",
        "threads": threads,
    }
    chosen = {key: value for key, value in decided.items() if getattr(train, key) in ("auto", None)}
    chosen |= {"threads": decided["threads"]} if train.threads == 0 else {}
    return replace(train, **(chosen | {"device": device}))


def picture_settings(facts: PictureFacts, data: DataSettings) -> PictureSettings:
    """Sides: the median shorter side, to the next multiple of 4, from 8 to 64, or to 32 where few are to be named;
    colours: gray if all are.

    >>> picture_settings(PictureFacts(3, 29.0, all_gray=True, all_square=True), DataSettings())
    PictureSettings(size=28, colours='gray')
    """
    least, most = PICTURE_SIDES[0], FEW_PICTURES_SIDE if facts.few_named else PICTURE_SIDES[1]
    size = max(least, min(most, round(facts.median_side / 4) * 4)) if data.picture == "auto" else data.picture
    colours = ("gray" if facts.all_gray else "rgb") if data.colours == "auto" else data.colours
    return PictureSettings(size, colours)


def held_out_examples(facts: SplitFacts) -> int:
    """How many examples are held out: a fifth of small sets, one in twenty of large ones, at most 2,000 rows.

    A set is small by what stays together, up to 2,500 groups; up to 10,000 it gives 500. At least 100 examples are held
    out as long as that is under a third: from 180 to 300 examples the part grows from a fifth to a third.

    >>> [held_out_examples(SplitFacts(rows, rows, rows)) for rows in (30, 180, 200, 300, 500, 2500, 10_000, 12_000)]
    [6, 36, 44, 100, 100, 500, 500, 600]
    """
    part = max(min(facts.groups / SMALL_PART, FIFTH_AT_MOST), facts.groups / LARGE_PART)
    rows = min(HELD_OUT, int(facts.rows * part // facts.groups))
    return max(1, least_examples(facts.examples), rows * facts.examples // facts.rows)


def held_out_part(examples: int, part: float) -> float:
    """Which part of a single sequence or document is held out: as of a long one, and the least that tells something.

    >>> [round(held_out_part(windows, 0.1), 2) for windows in (20, 300, 500, 1000, 9000)]
    [0.2, 0.33, 0.2, 0.1, 0.1]
    """
    return max(part, least_examples(examples) / examples)


def least_examples(examples: int) -> int:
    """A hundred of so many examples, as long as that is under a third; between a fifth and that of fewer."""
    return min(LEAST, max(examples // SMALL_PART, examples**2 // (9 * LEAST)))


def tokenizer_settings(facts: TextFacts, data: DataSettings) -> TokenizerSettings:
    """The kind that the recipe names, or that suits the texts; as many entries as there is text for."""
    kind, why = (
        TOKENIZERS[facts.unit] if facts.requested_kind == "auto" else (facts.requested_kind, "as the recipe says")
    )
    vocabulary = vocabulary_size(facts) if data.vocabulary == "auto" else data.vocabulary
    return TokenizerSettings(kind, vocabulary, why, data.lowercase)


def vocabulary_size(facts: TextFacts) -> int:
    """Entries of bpe and unigram: 2,000 for 1.3 million characters, twice as many for four times the text.

    Between 500 and 32,000, a power of two times 500, with room for each character at least twice over. Words come new
    more and more slowly as a text grows, and few pairs teach little of rare pieces (docs/log.md). Of texts that have a
    class, four times as many: whole words tell classes, and none of them is to be written.

    >>> [vocabulary_size(TextFacts(("source",), "auto", "sentences", 1.3e6, 80, named)) for named in (False, True)]
    [2000, 8000]
    """
    size, most = VOCABULARIES
    while size < most and (facts.characters > size**2 * 2 / 3 or size < 2 * (SMALLEST + facts.distinct)):
        size *= 2
    return min(most, NAMED * size) if facts.named else size


def window(data: DataSettings, context: int | str) -> DataSettings:
    """The section with the tokens that are read at once, no more than the positions that a network can tell apart."""
    if data.window not in ("auto", 0):
        return data
    return replace(data, window=WINDOW if context == "auto" else min(WINDOW, int(context)))


def clip_windows(data: DataSettings, kind: str, longest: int, row: str) -> DataSettings:
    """The section with the steps of a clip that are read at once in training, and in answering; 0: all.

    A recurrent network reads step after step, so that whole clips of thousands make few and slow steps of training.
    What it has learnt from windows it goes on doing in what is longer, and knows more there; a Transformer does not.
    Who says how long windows are in training means those of answers too.

    >>> decided = [clip_windows(DataSettings(), "series", steps, "gru") for steps in (128, 129)]
    >>> [(each.window, each.answer_window) for each in decided]
    [(0, 0), (128, 0)]
    >>> clip_windows(DataSettings(), "series", 129, "vaswani2017").answer_window
    128
    """
    answers = data.window
    if data.window == "auto":
        steps = WINDOW if kind == "tokens" else CLIP_WINDOW
        data = replace(data, window=steps if longest > steps else 0)
        answers = data.window if isinstance(LINEAGE[row].encoder, TransformerConfig) else 0
    return data if data.answer_window != "auto" else replace(data, answer_window=answers)


def batches(recipe: Recipe, tokens: int) -> Recipe:
    """The recipe with batches of so many tokens where it leaves that to the task."""
    if recipe.train.batch_tokens != "auto":
        return recipe
    return replace(recipe, train=replace(recipe.train, batch_tokens=tokens * times_larger(recipe.train)))


def times_larger(train: TrainSettings) -> int:
    """How many times as large as on a processor batches are on this machine.

    A budget in steps or epochs holds the same steps on any.

    >>> [times_larger(TrainSettings(device=device, steps=steps)) for device in ("cpu", "cuda") for steps in (None, 9)]
    [1, 1, 4, 1]
    """
    is_timed = not (train.steps or train.epochs)
    return GPU_BATCHES if is_timed and device_of(train).startswith("cuda") else 1


def masks(recipe: Recipe) -> Recipe:
    """The recipe with the fraction of tokens that are masked in training."""
    if recipe.train.mask != "auto":
        return recipe
    return replace(recipe, train=replace(recipe.train, mask=TUNED_MASKED if recipe.start else MASKED))


def validation_due(train: TrainSettings, step: int, done: float, validated: int, cost: float = 0.0) -> bool:
    """Whether to validate after `step`, with so much of the budget spent and so many validations behind.

    `cost`: the time that these took, as a share of the training time; where a budget in minutes would be far overrun,
    validations are fewer.

    >>> [validation_due(TrainSettings(), 7, done, validated=1) for done in (0.16, 0.17)]
    [False, True]
    """
    if train.valid_every != "auto":
        return train.valid_every > 0 and step % train.valid_every == 0
    is_cheap = train.minutes is None or cost <= VALIDATING
    return is_cheap and done * VALIDATIONS >= validated + 1


def augmentations(train: TrainSettings, default: Sequence[str]) -> tuple[str, ...]:
    """How pictures are varied: as the recipe says, or as is `usual` for the task."""
    return tuple(default if train.augment == "auto" else train.augment)


def mixes(recipe: Recipe, fraction: float) -> Recipe:
    """The recipe with this fraction of its batches mixed where it leaves that to the software."""
    return replace(recipe, train=replace(recipe.train, mix=fraction)) if recipe.train.mix == "auto" else recipe


def mixed_batches(train: TrainSettings) -> float:
    """The fraction of batches whose pictures are mixed."""
    return MIX if train.mix == "auto" else train.mix


def dropped_sources(train: TrainSettings) -> float:
    """The fraction of examples that are drawn without a source, which guidance needs.

    >>> dropped_sources(TrainSettings()), dropped_sources(TrainSettings(drop_source=0.0))
    (0.1, 0.0)
    """
    return DROP_SOURCE if train.drop_source == "auto" else float(train.drop_source)


def codebook_fraction(train: TrainSettings) -> float:
    """The fraction of the budget in which the codebook of pictures is learnt."""
    return CODEBOOK if train.codebook == "auto" else float(train.codebook)


def drawings_validated(train: TrainSettings) -> int:
    """How many drawings a validation scores: of few minutes no more than they can pay for.

    >>> [drawings_validated(TrainSettings(minutes=minutes)) for minutes in (0.4, 2, 60)]
    [50, 200, 500]
    """
    if train.minutes is None:
        return train.valid_limit
    return min(train.valid_limit, max(DRAWN_LEAST, round(DRAWN_A_MINUTE * train.minutes)))


def counted_pairs(network: NetworkSettings, vocabulary: int, classes: int) -> int:
    """For how many pairs of pieces there are places: as asked, as far as a table of all classes has room.

    >>> [counted_pairs(NetworkSettings(counts=50_000), 8000, classes) for classes in (2, 400, 2000)]
    [50000, 17000, 0]
    """
    asked = COUNTS if network.counts == "auto" else network.counts
    return max(0, min(asked, COUNTED_CELLS // classes - vocabulary))


def picture_codes(network: NetworkSettings, levels: int) -> int:
    """How many codes pictures are drawn in: `levels`, if each pixel can be a code (0: it cannot), or a codebook's.

    >>> [picture_codes(NetworkSettings(), levels) for levels in (17, 0)], picture_codes(NetworkSettings(codes=64), 17)
    ([17, 1024], 64)
    """
    return (levels or CODES) if network.codes == "auto" else network.codes


def device_of(train: TrainSettings) -> str:
    """The device that is asked for, or the fastest that there is."""
    if train.device != "auto":
        return train.device
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def portion(train: TrainSettings, fraction: float) -> TrainSettings:
    """The section with a fraction of its budget.

    >>> portion(TrainSettings(steps=10), 0.3).steps
    3
    """
    if train.steps is not None:
        return replace(train, steps=max(1, round(train.steps * fraction)))
    unit = "minutes" if train.minutes is not None else "epochs"
    return replace(train, **({unit: getattr(train, unit) * fraction}))


def resolve_recipe(
    recipe: Recipe, join: Join, default: str, task_settings: Mapping[str, object] | None = None
) -> Recipe:
    """The recipe with the network's settings decided, and the learning rate that goes with them.

    `join`, `default`, `task_settings`: as `networks.settings.resolve` takes them, the last one as `own`; raises
    HeedfulError as it does.
    """
    network = resolve_network(recipe.network, join, default=default, verb=recipe.task, extra=task_settings)
    train = recipe.train
    if train.optimizer == "auto":
        suits = muon_suits(network, join) and not recipe.start
        train = replace(train, optimizer="muon" if suits else "adamw")
    if train.learning_rate == "auto":
        rate = learning_rate(network, train.optimizer) * (TUNING if recipe.start else 1)
        train = replace(train, learning_rate=round(rate, 7))
    return replace(recipe, network=network, train=train)


def muon_suits(network: NetworkSettings, join: Join) -> bool:
    """Whether Muon teaches a network more in a time than AdamW does: not where recurrent layers fill gaps."""
    is_recurrent = isinstance(LINEAGE[network.name].encoder, RecurrentEncoderConfig)
    return join in MUON_SUITS and not (join == "encoder_tokens" and is_recurrent)


def learning_rate(network: NetworkSettings, optimizer: str = "adamw") -> float:
    """The peak rate that suited a resolved network in trials (docs/log.md); wider ones bear less.

    By Muon it is one for all rows, as its steps are of one size.
    """
    if optimizer == "muon":
        return round(MUON_RATE / int(network.width), 6)
    row = LINEAGE[network.name]
    at_256 = 1e-3 if isinstance(row.encoder or row.decoder, TransformerConfig) else 3e-3
    return round(at_256 * 256 / int(network.width), 6)
