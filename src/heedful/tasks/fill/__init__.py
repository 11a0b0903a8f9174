"""fill, masked tokens of a text: what stands there, by a network that sees both sides of them. BERT."""

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from heedful.tasks.answering import Answering
from heedful.tasks.facts import TaskFacts
from heedful.tasks.learning import Learning
from heedful.tasks.task import Task
from heedful.tasks.teaching import Lesson

if TYPE_CHECKING:
    from heedful.data.documents.prepared import PreparedDocuments
    from heedful.tasks.fill.ask import TrainedMaskedLanguageModel
    from heedful.tasks.fill.learnable import LearnableMaskedLanguageModel


class Fill(Task["PreparedDocuments", "TrainedMaskedLanguageModel", "LearnableMaskedLanguageModel"]):
    """Masked tokens of a text."""

    facts: ClassVar[TaskFacts] = TaskFacts(
        verb="fill",
        shape="many to many, in step",
        join="encoder_tokens",
        sources=("text",),
        takes="a text with gaps",
        gives="what stands in them, and how likely each guess is",
        asked_with='"… [MASK] …"',
        data="book.txt",
        hub_tasks={"text": "fill-mask"},
        lesson=Lesson("nothing", "what stands in a gap is known, and a student learns it from the texts themselves"),
        columns=("text",),
        network="bert",
        view="gaps",
        exported_as="bert",
        by_windows=True,
        keys=frozenset(
            {
                "data.source_tokenizer",
                "data.target_tokenizer",
                "data.vocabulary",
                "data.window",
                "train.label_smoothing",
                "train.mask",
                "train.whole_words",
                "generate.whole_words",
            }
        ),
    )

    @cached_property
    def answering(self) -> "Answering[PreparedDocuments, TrainedMaskedLanguageModel]":
        from heedful.tasks.fill.ask import FillAnswering

        return FillAnswering(self.facts)

    @cached_property
    def learning(self) -> "Learning[PreparedDocuments, LearnableMaskedLanguageModel]":
        from heedful.tasks.fill.learn import FillLearning

        return FillLearning(self.facts, self.answering)


TASK = Fill()
