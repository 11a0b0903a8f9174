"""From a recipe's clips to what a network learns from: opened once, split, numbered, stored, all choices said aloud."""

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path

import numpy as np

from heedful.data import split
from heedful.data.fingerprint import fingerprint_of, named_by
from heedful.data.folders import same, write_json, written_aside
from heedful.data.notes import BadRows, Notes, Say
from heedful.data.pairs.pictured import as_asked
from heedful.data.pairs.read import Pair
from heedful.data.pictures.read import LARGEST, SMALLEST, USUAL, Form
from heedful.data.readers.lines import encoding_notes
from heedful.data.readers.rows import BadRow, count
from heedful.data.samples import steps as step_samples
from heedful.data.steps.forms import TABLES, StepForm, kind_of, look, read_array, words_of
from heedful.data.steps.labels import Labelled
from heedful.data.steps.read import COLUMNS, described, read_clips, read_labelled
from heedful.data.steps.store import ABOUT, MASKED, PreparedClips, StepWriter, opened
from heedful.data.steps.tables import LISTS, channels_of
from heedful.data.steps.words import LETTERS, UNKNOWN, Lexicon, learn_lexicon
from heedful.data.store import Column
from heedful.errors import HeedfulError
from heedful.results import Example
from heedful.schema import DataSettings, Recipe

LOOKED_AT = 20  # clips by which form and kind are chosen
SHOWN = 10  # names in a note


def prepare_clips(recipe: Recipe, folder: Path, say: Say, given: StepForm | None = None) -> PreparedClips:
    """Reads, splits, numbers and stores a recipe's clips under `folder`/data, or opens what stands there if it is the
    same (by the hashes of the files, the times of the clips they name, the recipe's data section and the seed).
    `given` is the form that goes with the weights one starts from, if there is one.

    What stops half way leaves nothing that could be taken for finished. Raises HeedfulError for whatever is wrong
    with the data.
    """
    fingerprint = fingerprint_of(recipe, [given] if given else None) | {
        "kinds": ["steps"],
        "clips": named_by(recipe.data),
    }
    ready = folder / "data"
    if same(ready, fingerprint):
        prepared = opened(ready)
        say(f"data as prepared before: {count(len(prepared.train), 'training clip')}")
        return prepared
    with written_aside(ready) as partial:
        notes, bad = Notes(say, "clip"), BadRows(partial / "bad_rows.jsonl")
        Preparation(recipe, partial, notes, bad).run(given)
        bad.close(folder / "bad_rows.jsonl")
        write_json(partial / "prepared.json", {"fingerprint": fingerprint, "notes": notes.said})
    return opened(ready)


def held_files(data: DataSettings) -> list[str]:
    """Files to choose by, if the recipe names any."""
    return [] if data.valid == "auto" else data.valid


def choose_form(data: DataSettings) -> tuple[StepForm, str]:
    """What the training clips are, and how they are read; and a note about it.

    `auto` sides: the median shorter side of the first clips, to the next multiple of 4, from 8 to 64; `auto`
    colours: gray if all are. Raises HeedfulError if there is no clip.
    """
    bad: list[BadRow] = []
    labelled = read_labelled(data.train, replace(data, bad_rows="skip"), bad.append)
    first = list(islice(labelled, LOOKED_AT))
    if not first:
        cure = f"{bad[0].where}: {bad[0].problem}" if bad else ""
        raise HeedfulError(f"There is no clip to learn from in {', '.join(data.train)}.", cure)
    kind = "tokens" if first[0].words else kind_of(first[0].source)
    if kind == "tokens":
        return StepForm("tokens", normalize=data.normalize), "each word is a step"
    if kind == "series":
        channels = channels_in(first[0].source, data)
        return StepForm("series", channels=channels), f"{count(len(channels), 'channel')}: {', '.join(channels)}"
    if kind == "frames":
        return frames_form(first, data)
    raise HeedfulError(f"{first[0].where}: {first[0].source} is no clip that is known.")


def channels_in(reference: str, data: DataSettings) -> tuple[str, ...]:
    """The channels of a series: by name in a table, or else by number."""
    if reference.startswith("sample://"):
        return step_samples.CHANNELS
    if Path(reference).suffix.lower() in TABLES:
        return channels_of(reference, data)
    array = read_array(reference)
    return tuple(str(channel) for channel in range(1, 1 + (array.shape[1] if array.ndim == 2 else 1)))


def frames_form(clips: Sequence[Labelled], data: DataSettings) -> tuple[StepForm, str]:
    """Size and colours of frames."""
    if data.picture != "auto" and not SMALLEST <= data.picture <= LARGEST:
        raise HeedfulError(f"data.picture={data.picture} is not a side in pixels from {SMALLEST} to {LARGEST:,}.")
    seen, failed = [], None
    for one in clips:
        try:
            seen.append(look(one.source))
        except HeedfulError as error:
            failed = failed or error
    if not seen:
        raise failed or AssertionError
    middle = statistics.median(min(width, height) for width, height, _ in seen)
    size = max(8, min(USUAL, round(middle / 4) * 4)) if data.picture == "auto" else data.picture
    gray = all(gray for _, _, gray in seen)
    colours = ("gray" if gray else "rgb") if data.colours == "auto" else data.colours
    form = Form(size, colours, data.fit)
    why = f"in the first {count(len(seen), 'clip')} the median shorter side is {middle:g}"
    rate = f", {data.frame_rate:g} a second (data.frame_rate)" if data.frame_rate else ""
    colour = f"{'all' if gray else 'not all'} are gray"
    note = f"frames are read as {form}{rate}: {why}, and {colour} (data.picture, data.colours)"
    return StepForm("frames", form, data.frame_rate), note


def agreed(given: StepForm, found: StepForm, data: DataSettings) -> StepForm | None:
    """The form that goes with weights, as these data ask for it; None: they are series of other channels.

    Raises HeedfulError for steps of another kind than the weights were learnt from.
    """
    if given.kind != found.kind:
        raise HeedfulError(
            f"The weights to start from read {given.kind}, and {', '.join(data.train)} holds {found.kind}.",
            "Leave --from out, or take weights that were learnt from the like.",
        )
    if given.kind == "series" and given.channels != found.channels:
        return None
    if given.picture is None:
        return given
    return replace(given, picture=as_asked(given.picture, data), rate=data.frame_rate)


class Preparation:
    """The steps of `prepare_clips`, on one recipe."""

    def __init__(self, recipe: Recipe, folder: Path, notes: Notes, bad: BadRows) -> None:
        self.data, self.seed = recipe.data, recipe.data_seed
        self.folder, self.note, self.bad = folder, notes, bad
        self.passed: Counter[str] = Counter()
        self.odd: list[str] = []

    def run(self, given: StepForm | None) -> None:
        """Writes everything that `opened` reads."""
        if not self.data.train:
            raise HeedfulError("There is no file to learn from.", "As heedful train label clips.csv")
        self.say_encodings()
        form, why = choose_form(self.data)
        kept = agreed(given, form, self.data) if given else None
        if kept:
            form, why = kept, "steps are read as the weights that are the beginning have learnt to"
        self.note(why)
        writer = StepWriter(self.folder / "steps", form)
        valid, test = (self.read(files, writer) for files in (held_files(self.data), self.data.test))
        pairs = self.read(self.data.train, writer)
        self.say_passed()
        scanned = split.scan(pairs, self.seed)
        sides = split.Parting(self.data, self.seed, self.note, self.bad.first).sides(scanned, valid, test)
        if self.data.valid == "auto":
            valid = list(split.select(pairs, sides, split.VALID))
        train = self.long_enough(list(split.select(pairs, sides, split.TRAIN)))
        names = tuple(sorted({label for pair in train for label in labels_of(pair)} - {""}))
        form = form if kept else self.learnt(form, train, writer)
        self.note(writer.close(form))
        self.say_names(names)
        self.write_train(train, names, writer)
        write_json(self.folder / ABOUT, {"form": form.plain(), "names": names})
        self.write_held("valid", valid, names, form)
        self.write_held("test", test, names, form)

    def say_encodings(self) -> None:
        """What is unusual about how text files are written."""
        files = dict.fromkeys([*self.data.train, *held_files(self.data), *self.data.test])
        for file in files:
            if Path(file).suffix.lower() in (*LISTS, *TABLES, *COLUMNS):
                for note in encoding_notes(file):
                    self.note(note)

    def read(self, files: Sequence[str], writer: StepWriter) -> list[Pair]:
        """The clips of files as pairs of reference and labels, each put into the store."""
        pairs, unlabelled, first = [], 0, ""
        for clip in read_clips(files, self.data, writer.form, self.bad, self.passed):
            self.odd += [clip.steps.note] if clip.steps.note else []
            if any(clip.labels):
                source = writer.add(clip.source, clip.steps)
                pairs.append(Pair(source, "\t".join(clip.labels), clip.group, clip.file, clip.line))
            else:
                unlabelled, first = unlabelled + 1, first or clip.where
        if unlabelled:
            self.note(f"left out: {count(unlabelled, 'clip')} without any label (first: {first})")
        if files and not pairs:
            raise HeedfulError(f"There are no clips in {', '.join(files)}.", self.bad.first)
        return pairs

    def say_passed(self) -> None:
        """What was left out or is odd about the clips."""
        if self.bad.count:
            self.note(
                f"left out: {count(self.bad.count, 'bad row')}, listed in bad_rows.jsonl (first: {self.bad.first})"
            )
        for line in described(self.passed):
            self.note(line)
        if self.odd:
            odd = count(len(self.odd), "video")
            self.note(f"{odd} with another length than the header says, taken as the frames are (first: {self.odd[0]})")

    def long_enough(self, pairs: list[Pair]) -> list[Pair]:
        """The clips of a length that the recipe allows."""
        low, high = self.data.min_tokens, self.data.max_tokens
        kept = [pair for pair in pairs if low <= len(labels_of(pair)) <= (high or np.inf)]
        if len(kept) < len(pairs):
            left = count(len(pairs) - len(kept), "clip")
            self.note(f"left out: {left} of under {low:,} or over {high:,} steps (data.min_tokens, data.max_tokens)")
        if not kept:
            raise HeedfulError("The length filters leave no clip to learn from.", "See data.min_tokens, max_tokens.")
        return kept

    def learnt(self, form: StepForm, train: Sequence[Pair], writer: StepWriter) -> StepForm:
        """The form with what the training clips alone say: mean and spread of channels, words and letters."""
        if form.kind == "tokens":
            texts = [words_of(pair.source) for pair in train]
            lexicon = learn_lexicon(texts)
            long = sum(len(word) > LETTERS for words in texts for word in words)
            note = f"{count(len(lexicon.words), 'word')} seen twice or more, {count(len(lexicon.letters), 'letter')}"
            half = LETTERS // 2
            more = f"; of {count(long, 'longer word')} the first and last {half} letters are read" if long else ""
            self.note(note + more)
            return replace(form, lexicon=lexicon)
        if form.kind != "series":
            return form
        mean, spread = writer.moments([pair.source for pair in train])
        still = [name for name, one in zip(form.channels, spread, strict=True) if not one]
        if still:
            self.note(f"the same at every step of training, so that they tell nothing: {', '.join(still)}")
        whole = tuple(float(one) or 1.0 for one in spread)
        return replace(form, mean=tuple(map(float, mean)), spread=whole)

    def say_names(self, names: Sequence[str]) -> None:
        """The labels to be learnt."""
        more = ", …" if len(names) > SHOWN else ""
        self.note(f"{count(len(names), 'label')}: {', '.join(names[:SHOWN])}{more}")

    def write_train(self, pairs: Sequence[Pair], names: Sequence[str], writer: StepWriter) -> None:
        """Writes the rows to learn from."""
        numbers = {name: number for number, name in enumerate(names)} | {"": MASKED}
        files = {file: number for number, file in enumerate(dict.fromkeys(pair.file for pair in pairs))}
        labels = Column(self.folder / "labels.npy", np.dtype(np.int32))
        for pair in pairs:
            labels.append(numbers[label] for label in labels_of(pair))
        labels.close()
        np.save(self.folder / "sequences.npy", np.array([writer.numbers[pair.source] for pair in pairs]))
        np.save(self.folder / "places.npy", np.array([(files[pair.file], pair.line) for pair in pairs]))
        write_json(self.folder / "files.json", list(files))
        masked = sum(labels_of(pair).count("") for pair in pairs)
        out = f", {masked:,} of them without a label" if masked else ""
        self.note(f"train: {count(len(pairs), 'clip')} of {count(labels.count, 'step')}{out}")

    def write_held(self, name: str, pairs: Sequence[Pair], names: Sequence[str], form: StepForm) -> None:
        """Writes the examples of valid or test, and says what of them training knows nothing of."""
        held = split.grouped(pairs)
        write_json(self.folder / f"{name}.json", [asdict(example) for example in held])
        if not held:
            return
        labels = Counter(label for pair in pairs for label in labels_of(pair))
        self.note(f"{name}: {count(len(held), 'clip')} of {count(sum(labels.values()), 'step')}")
        new = {label: times for label, times in labels.items() if label and label not in names}
        if new:
            steps, shown = count(sum(new.values()), "step"), ", ".join(list(new)[:SHOWN])
            self.note(f"{name}: {steps} with labels never seen in training, which count as wrong: {shown}")
        if isinstance(form.lexicon, Lexicon):
            self.say_unknown(name, held, form.lexicon)

    def say_unknown(self, name: str, held: Iterable[Example], lexicon: Lexicon) -> None:
        """How many words training did not teach."""
        words = np.concatenate([lexicon.encode(words_of(example.source))[:, 0] for example in held])
        unknown = int((words == UNKNOWN).sum())
        if unknown:
            share = 100 * unknown / len(words)
            self.note(f"{name}: {share:.1f} % of the words seen less than twice in training, known by letters alone")


def labels_of(pair: Pair) -> list[str]:
    """The labels of a pair."""
    return pair.target.split("\t")
