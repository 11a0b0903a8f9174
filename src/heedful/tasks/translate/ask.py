"""How trained translators are asked and scored."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from heedful.metrics.scores import evaluate as measure
from heedful.results import Example, Scores
from heedful.schema import DataSettings, GenerateSettings
from heedful.tasks.models import OnBad
from heedful.tasks.seq2seq import Seq2SeqAnswering, TrainedSeq2Seq

if TYPE_CHECKING:
    from heedful.data.pairs.prepared import Prepared


class TranslateAnswering(Seq2SeqAnswering):
    """Answers texts with texts; scored by error rates where these are symbols, by chrF and BLEU where they are text."""

    def evaluate(
        self,
        models: Sequence[TrainedSeq2Seq],
        examples: Sequence[Example],
        settings: GenerateSettings,
        *,
        samples: int = 1000,
        data: "Prepared | None" = None,
    ) -> Scores:
        """Scores the 1-best answers to examples; the same in training (samples=0, and no TER, which is slow)."""
        sources = [example.source for example in examples]
        answers = [best[0] for best in self.answer(models, sources, replace(settings, n_best=1))]
        lengths = [len(ids) for ids in models[0].preprocessor.tokenizer.encode_batch(sources)]
        return measure(
            models[0].scores,
            sources,
            [answer.output for answer in answers],
            [example.references for example in examples],
            samples=samples,
            lengths=lengths,
            ter=samples > 0,
            logs=[answer.score for answer in answers],
        )

    def baseline(self, model: TrainedSeq2Seq, data: "Prepared", examples: Sequence[Example]) -> tuple[str, Scores]:
        """What needs no network: the answer of the nearest training source (symbols), the source itself (text)."""
        sources = [example.source for example in examples]
        from heedful.metrics import baselines

        if model.scores == "text":
            name, outputs = "copy of the source", baselines.copy(sources)
        else:
            rows = [data.train[row] for row in range(len(data.train))]
            nearest = baselines.Nearest(
                [model.preprocessor.tokenizer.decode(source) for source, _ in rows],
                [model.target.decode(target) for _, target in rows],
            )
            name, outputs = f"nearest training source{nearest.part}", nearest.answers(sources)
        references = [example.references for example in examples]
        return name, measure(model.scores, sources, outputs, references)

    def examples(
        self, model: TrainedSeq2Seq, files: Sequence[str], settings: DataSettings, on_bad: OnBad
    ) -> list[Example]:
        from heedful.data.pairs.prepared import examples

        return examples(files, settings, on_bad)

    def example_notes(self, model: TrainedSeq2Seq, files: Sequence[str], settings: DataSettings) -> list[str]:
        from heedful.data.pairs.prepared import example_notes

        return example_notes(files, settings)
