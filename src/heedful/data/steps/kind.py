"""Clips as a kind of data: opened once, numbered, with a label for each step."""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from heedful.data.corpus import Corpus
from heedful.data.facts import SideFacts, TokenizerSettings
from heedful.data.fingerprint import digest_of_clips
from heedful.data.folders import write_json
from heedful.data.kind import DataKind, Preparation
from heedful.data.pairs.read import Pair
from heedful.data.readers.files import all_files
from heedful.data.readers.rows import count
from heedful.data.split import Traits, note_unscored
from heedful.data.steps.choose import adapt_step_form, choose_step_form, text_notes
from heedful.data.steps.forms import StepForm, place_in_series, words_of
from heedful.data.steps.parts import choose_part
from heedful.data.steps.punctuation import learn_punctuation
from heedful.data.steps.ranges import Ranges, usual_ranges
from heedful.data.steps.read import describe_skipped, read_clips, refuse
from heedful.data.steps.soft_labels import write_step_labels
from heedful.data.steps.store import ABOUT, MASKED, PreparedClips, StepWriter, open_clips
from heedful.data.steps.subwords import SubwordVocabulary
from heedful.data.steps.tables import far_clip
from heedful.data.steps.words import LETTERS, UNKNOWN, WordVocabulary, learn_words
from heedful.data.store import Column
from heedful.errors import HeedfulError
from heedful.results import Example
from heedful.schema import DataSettings

MAX_NAMES = 10  # names in a note
ONLY_PART, SHORTEST = 0.2, 2  # of a clip that stands alone: what is held out, and its steps at least


class StepKind(DataKind[PreparedClips]):
    """Clips, read in the form that goes with the weights one starts from, if one is `pretrained`.

    Rows are pairs of a clip's reference and its labels, joined by tabs.
    """

    example = "clips.csv"
    row, nothing, kinds = "clip", "There are no clips", ("steps",)
    rows_in_memory = sys.maxsize  # references and labels alone: clips are opened but once

    def __init__(self, pretrained: StepForm | None = None) -> None:
        self.pretrained_coders, self.pretrained_form, self.keeps_form = (
            [pretrained] if pretrained else [],
            pretrained,
            False,
        )
        self.skip_counts: Counter[str] = Counter()
        self.odd_videos: list[str] = []
        self.names: tuple[str, ...] = ()
        self.ranges: Ranges | None = None
        self.far: dict[str, tuple[int, int, float]] = {}

    def fingerprint(self, data: DataSettings, form: int) -> dict[str, Any]:
        """The clips that files name count too."""
        return super().fingerprint(data, form) | {"clips": digest_of_clips(data, form)}

    def begin(self, preparation: Preparation) -> None:
        """As `DataKind.begin`."""
        self.preparation = preparation
        for note in text_notes(all_files(preparation.data)):
            preparation.note(note)
        form, why = choose_step_form(preparation.data, preparation.decisions)
        adapted_form = adapt_step_form(self.pretrained_form, form, preparation.data) if self.pretrained_form else None
        if adapted_form:
            form, why = adapted_form, "steps are read as the weights that are the beginning have learnt to"
        self.form, self.keeps_form = form, adapted_form is not None
        preparation.note(why)
        self.writer = StepWriter(preparation.folder / "steps", form)

    def read(self, files: Sequence[str], second_pass: bool = False) -> Iterator[Pair]:
        """The clips of files, each put into the store; those without any label are counted.

        Raises HeedfulError if there is none.
        """
        assert not second_pass, "all rows stay in memory"
        labelled_count, unlabelled_count, first = 0, 0, ""
        for clip in read_clips(files, self.preparation.data, self.form, self.preparation.bad, self.skip_counts):
            self.odd_videos += [clip.steps.note] if clip.steps.note else []
            if any(clip.labels):
                labelled_count += 1
                source = self.writer.add(clip.source, clip.steps)
                yield Pair(source, "\t".join(clip.labels), clip.group, clip.file, clip.line)
            else:
                unlabelled_count, first = unlabelled_count + 1, first or clip.where
        if unlabelled_count:
            self.preparation.note(f"left out: {count(unlabelled_count, 'clip')} without any label (first: {first})")
        if not labelled_count:
            raise HeedfulError(f"{self.nothing} in {', '.join(files)}.", self.preparation.bad.first)

    def traits(self) -> Traits:
        """Steps are scored, and their labels are classes."""
        return Traits(lambda pair: len(labels_of(pair)), lambda pair: dict.fromkeys(filter(None, labels_of(pair))))

    def cut_only_row(self, row: Pair) -> tuple[list[Pair], Pair] | None:
        """Of the only clip a part in time is held out: where it has as many labels as can be, of those learnt."""
        labels = labels_of(row)
        if self.preparation.split_method == 1 or len(labels) < SHORTEST:
            return None
        length = max(1, int(self.preparation.decisions.held_out_part(len(labels), ONLY_PART) * len(labels)))
        first = choose_part(labels, length)
        held_labels, learnt_labels = set(labels[first : first + length]), {*labels[:first], *labels[first + length :]}
        if not any(held_labels) or not any(learnt_labels):
            return None
        rows = self.cut(row, [edge for edge in (first, first + length) if 0 < edge < len(labels)])
        held_out = rows.pop(first)
        self.preparation.note.limit(
            f"valid: steps {first + 1:,} to {first + length:,} of the only clip's {len(labels):,} (none given): "
            "it is one recording, and the score says little about others"
        )
        note_unscored(self.preparation.note, learnt_labels - held_labels, len({*labels} - {""}))
        return list(rows.values()), held_out

    def cut_into(self, row: Pair, number: int) -> list[Pair]:
        """The only clip in pieces of about one length."""
        steps = len(labels_of(row))
        pieces = self.cut(row, sorted({steps * part // number for part in range(1, number)} - {0}))
        self.preparation.note.limit(
            f"test: pieces of the only clip ({len(pieces)}), beside others that are learnt from: the score says little "
            "about other clips"
        )
        return [piece for piece in pieces.values() if any(labels_of(piece))]

    def cut(self, row: Pair, edges: list[int]) -> dict[int, Pair]:
        """A clip in parts that end at these steps, by where they begin."""
        labels = labels_of(row)
        self.preparation.hashes.add(self.writer.content(row.source))  # who learns a part knows the whole again
        parts = zip(self.writer.cut(row.source, edges), pairwise([0, *edges, len(labels)]), strict=True)
        return {low: replace(row, source=name, target="\t".join(labels[low:high])) for name, (low, high) in parts}

    def end_reading(self) -> None:
        """What was passed over or is odd about the clips."""
        for line in describe_skipped(self.skip_counts):
            self.preparation.note(line)
        if self.odd_videos:
            video_count, first = count(len(self.odd_videos), "video"), self.odd_videos[0]
            self.preparation.note(
                f"{video_count} with another length than the header says, taken as the frames are (first: {first})"
            )

    def describe_sides(self, corpus: Corpus) -> tuple[SideFacts, SideFacts]:
        """As `DataKind.describe_sides`; a clip has as many steps as labels."""
        labels = [labels_of(row) for row in corpus.sample]
        median, percentile = map(int, np.percentile([len(steps) for steps in labels], (50, 99), method="nearest"))
        classes = len({label for steps in labels for label in steps} - {""})
        return SideFacts(self.form.kind, median, percentile), SideFacts("labels", median, percentile, classes)

    def learn(self, corpus: Corpus, tokenizers: Sequence[TokenizerSettings]) -> None:
        """Labels, and what of the form the training clips alone say."""
        self.train = self.keep_in_range(self.keep_long_enough(corpus.sample))
        self.names = tuple(sorted({label for pair in self.train for label in labels_of(pair)} - {""}))
        if not self.keeps_form:
            self.form = self.learn_form()
        elif isinstance(self.form.vocabulary, SubwordVocabulary):
            punctuation = learn_punctuation(words_of(pair.source) for pair in self.train)
            vocabulary = SubwordVocabulary(self.form.vocabulary.tokenizer, punctuation)
            self.form = replace(self.form, vocabulary=vocabulary)

    def write(self, corpus: Corpus) -> None:
        """Finishes the store of steps, and writes the rows to learn from."""
        self.preparation.note(self.writer.close(self.form))
        ellipsis = ", …" if len(self.names) > MAX_NAMES else ""
        self.preparation.note(f"{count(len(self.names), 'label')}: {', '.join(self.names[:MAX_NAMES])}{ellipsis}")
        self.write_rows()
        write_step_labels(self.preparation.folder, self.preparation.data, self.train, self.names, self.preparation.note)
        write_json(self.preparation.folder / ABOUT, {"form": self.form.plain(), "names": self.names})

    def keep_long_enough(self, pairs: list[Pair]) -> list[Pair]:
        """The clips of a length that the recipe allows."""
        low, high = self.preparation.data.min_tokens, self.preparation.data.max_tokens
        long_enough = [pair for pair in pairs if low <= len(labels_of(pair)) <= (high or np.inf)]
        if len(long_enough) < len(pairs):
            clip_count = count(len(pairs) - len(long_enough), "clip")
            limits = "(data.min_tokens, data.max_tokens)"
            self.preparation.note(f"left out: {clip_count} of under {low:,} or over {high:,} steps {limits}")
        if not long_enough:
            raise HeedfulError("The length filters leave no clip to learn from.", "See data.min_tokens, max_tokens.")
        return long_enough

    def keep_in_range(self, pairs: list[Pair]) -> list[Pair]:
        """The clips of no value that is far out of its channel's range, which training clips decide."""
        if self.form.kind != "series" or self.keeps_form:
            return pairs
        sequences = list(self.writer.sequences(pair.source for pair in pairs))
        self.ranges = ranges = usual_ranges(sequences, sum(map(len, sequences)))
        every = zip(self.writer.names, self.writer.sequences(self.writer.names), strict=True)
        self.far = {name: (*far, float(values[far])) for name, values in every if (far := ranges.first_far(values))}
        kept_pairs = self.without_far(pairs)
        if not kept_pairs:
            raise HeedfulError("There is no clip to learn from.", self.preparation.bad.first)
        return kept_pairs

    def without_far(self, pairs: Sequence[Pair]) -> list[Pair]:
        """The same clips without those that hold a value far out of its channel's range, which are bad rows."""
        kept_pairs, first = [], ""
        for pair in pairs:
            if self.ranges is None or pair.source not in self.far:
                kept_pairs.append(pair)
                continue
            step, channel, value = self.far[pair.source]
            name = place_in_series(pair.source, step, channel, self.form)
            bad = far_clip(pair.where, name, self.ranges, channel, value)
            refuse(bad, self.preparation.data, self.preparation.bad)
            first = first or bad.where
        number = len(pairs) - len(kept_pairs)
        self.preparation.note.report_left_out(number, "with a number far out of its channel's range", first)
        return kept_pairs

    def learn_form(self) -> StepForm:
        """The form with what the training clips alone say: moments of channels, words and letters."""
        if self.form.kind == "tokens":
            return replace(self.form, vocabulary=self.learn_words())
        if self.form.kind != "series":
            return self.form
        mean, std = self.writer.moments([pair.source for pair in self.train])
        constant_channels = [name for name, value in zip(self.form.channels, std, strict=True) if not value]
        if constant_channels:
            self.preparation.note(
                f"constant over all training steps, and so without information: {', '.join(constant_channels)}"
            )
        divisors = tuple(float(value) or 1.0 for value in std)
        return replace(self.form, mean=tuple(map(float, mean)), std=divisors)

    def learn_words(self) -> WordVocabulary:
        """The words and letters of the training clips."""
        texts = [words_of(pair.source) for pair in self.train]
        vocabulary = learn_words(texts)
        long_word_count = sum(len(word) > LETTERS for words in texts for word in words)
        note = f"{count(len(vocabulary.words), 'word')} seen twice or more, {count(len(vocabulary.letters), 'letter')}"
        half = LETTERS // 2
        if long_word_count:
            note += f"; of {count(long_word_count, 'longer word')} the first and last {half} letters are read"
        self.preparation.note(note)
        return vocabulary

    def write_rows(self) -> None:
        """Writes the rows to learn from."""
        folder, pairs = self.preparation.folder, self.train
        numbers = {name: number for number, name in enumerate(self.names)} | {"": MASKED}
        files = {file: number for number, file in enumerate(dict.fromkeys(pair.file for pair in pairs))}
        labels = Column(folder / "labels.npy", np.dtype(np.int32))
        for pair in pairs:
            labels.append(numbers[label] for label in labels_of(pair))
            self.preparation.hashes.add(self.writer.content(pair.source))
        labels.close()
        np.save(folder / "sequences.npy", np.array([self.writer.numbers[pair.source] for pair in pairs]))
        np.save(folder / "places.npy", np.array([(files[pair.file], pair.line) for pair in pairs]))
        write_json(folder / "files.json", list(files))
        masked_count = sum(labels_of(pair).count("") for pair in pairs)
        remark = f", {masked_count:,} of them without a label" if masked_count else ""
        self.preparation.note(f"train: {count(len(pairs), 'clip')} of {count(labels.count, 'step')}{remark}")

    def examples(self, rows: Sequence[Pair]) -> list[Example]:
        """An example a clip, as `evaluate` reads them: equal clips with other labels contradict each other."""
        kept_rows = self.without_far(rows)
        if rows and not kept_rows:
            raise HeedfulError(f"{self.nothing} in {rows[0].file}.", self.preparation.bad.first)
        return [Example(row.source, (row.target,), row.where) for row in kept_rows]

    def note_held_out(self, name: str, examples: Sequence[Example], rows: Sequence[Pair]) -> None:
        """As `DataKind.note_held_out`."""
        labels = Counter(label for example in examples for label in example.references[0].split("\t"))
        self.preparation.note(f"{name}: {count(len(examples), 'clip')} of {count(sum(labels.values()), 'step')}")
        unseen_counts = {label: times for label, times in labels.items() if label and label not in self.names}
        if unseen_counts:
            steps, names = count(sum(unseen_counts.values()), "step"), ", ".join(list(unseen_counts)[:MAX_NAMES])
            self.preparation.note(f"{name}: {steps} with labels never seen in training, which count as wrong: {names}")
        if isinstance(self.form.vocabulary, WordVocabulary):
            self.note_unknown_words(name, examples, self.form.vocabulary)

    def note_unknown_words(self, name: str, examples: Sequence[Example], vocabulary: WordVocabulary) -> None:
        """How many words training did not teach."""
        words = np.concatenate([vocabulary.encode(words_of(example.source))[:, 0] for example in examples])
        unknown = int((words == UNKNOWN).sum())
        if unknown:
            percentage = 100 * unknown / len(words)
            note = f"{name}: {percentage:.1f} % of the words seen less than twice in training, known by letters alone"
            self.preparation.note(note)

    def open(self, folder: Path) -> PreparedClips:
        """What was prepared."""
        return open_clips(folder)


def labels_of(pair: Pair) -> list[str]:
    """The labels of a pair."""
    return pair.target.split("\t")
