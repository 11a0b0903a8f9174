"""translate, many to many: a text in, a text out. Spelling to sounds, one language to another, any pairs."""

from functools import cached_property
from typing import TYPE_CHECKING

from heedful.tasks import keys
from heedful.tasks.facts import TaskFacts
from heedful.tasks.task import Task
from heedful.tasks.teaching import ANSWERS

if TYPE_CHECKING:
    from heedful.data.pairs.prepared import Prepared
    from heedful.tasks.seq2seq import TrainedSeq2Seq
    from heedful.tasks.seq2seq_learning import LearnableSeq2Seq
    from heedful.tasks.translate.ask import TranslateAnswering
    from heedful.tasks.translate.learn import TranslateLearning


class Translate(Task["Prepared", "TrainedSeq2Seq", "LearnableSeq2Seq"]):
    facts = TaskFacts(
        verb="translate",
        shape="many to many",
        join="encoder_decoder",
        sources=("text",),
        takes="a text",
        gives="a text",
        asked_with='"…"',
        data="pairs.tsv",
        hub_tasks={"text": "translation"},
        lesson=ANSWERS,
        searches=True,
        aligns=True,
        exported_as="marian",
        runs_in_ct2=True,
        keys=keys.WRITING
        | {
            "data.source_tokenizer",
            "data.target_tokenizer",
            "data.shared_tokenizer",
            "data.vocabulary",
            "data.max_ratio",
            "train.label_smoothing",
            "generate.close",
            "generate.shortlist",
        },
    )

    @cached_property
    def answering(self) -> "TranslateAnswering":
        from heedful.tasks.translate.ask import TranslateAnswering

        return TranslateAnswering(self.facts)

    @cached_property
    def learning(self) -> "TranslateLearning":
        from heedful.tasks.translate.learn import TranslateLearning

        return TranslateLearning(self.facts, self.answering)


TASK = Translate()
