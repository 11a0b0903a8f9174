"""How trained captioners are asked and scored."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from heedful.data.pairs import prepared as pairs
from heedful.data.pairs.prepared import Prepared
from heedful.metrics import baselines
from heedful.metrics.scores import evaluate as measure
from heedful.results import Example, Exhibits, Scores
from heedful.schema import DataSettings, GenerateSettings
from heedful.tasks.facts import SourceKind
from heedful.tasks.models import OnBad
from heedful.tasks.nearest import nearest_picture
from heedful.tasks.seq2seq import Seq2SeqAnswering, TrainedSeq2Seq


class CaptionAnswering(Seq2SeqAnswering):
    """Answers pictures with texts."""

    def evaluate(
        self,
        models: Sequence[TrainedSeq2Seq],
        examples: Sequence[Example],
        settings: GenerateSettings,
        *,
        samples: int = 1000,
        data: Prepared | None = None,
    ) -> Scores:
        """Scores the 1-best answers to examples; with `data`, pictures that were read before are not read again."""
        sources, references = [example.source for example in examples], [example.references for example in examples]
        album = data.source if data else None
        answers = [best[0] for best in self.answer(models, sources, replace(settings, n_best=1), album)]
        outputs, logs = [answer.output for answer in answers], [answer.score for answer in answers]
        return measure("captions", sources, outputs, references, samples=samples, logs=logs)

    def baseline(self, model: TrainedSeq2Seq, data: Prepared, examples: Sequence[Example]) -> tuple[str, Scores]:
        """What needs no network: the words of the nearest training picture."""
        sources, references = [example.source for example in examples], [example.references for example in examples]
        name, nearest = nearest_picture(data, data.texts(1), choose)
        return name, measure("captions", sources, nearest.answers(data.source.of(sources)), references)

    def examples(
        self, model: TrainedSeq2Seq, files: Sequence[str], settings: DataSettings, on_bad: OnBad
    ) -> list[Example]:
        return pairs.examples(files, settings, on_bad, pictures=True)

    def contents(self, model: TrainedSeq2Seq, examples: Sequence[Example]) -> Iterator[tuple[str, bytes]]:
        return model.preprocessor.contents(examples)

    def example_notes(self, model: TrainedSeq2Seq, files: Sequence[str], settings: DataSettings) -> list[str]:
        return pairs.example_notes(files, settings)

    def source_kind(self, model: TrainedSeq2Seq) -> SourceKind:
        return "picture"

    def exhibits(self, models: Sequence[TrainedSeq2Seq], scores: Scores, settings: GenerateSettings) -> Exhibits:
        """What a report shows beside the numbers: the pictures of scored examples."""
        return Exhibits("captions", pictures=models[0].preprocessor.prints(case.source for case in scores.cases))


def choose(examples: Sequence[Example], answers: Mapping[str, Sequence[str]]) -> str:
    """The name of the captions that score best."""
    return baselines.best("captions", answers, [example.references for example in examples])
