"""complete, text from nothing: how a text goes on. GPT, or any decoder that needs no source."""

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from heedful.tasks import keys
from heedful.tasks.answering import Answering
from heedful.tasks.facts import TaskFacts
from heedful.tasks.learning import Learning
from heedful.tasks.task import Task
from heedful.tasks.teaching import Lesson

if TYPE_CHECKING:
    from heedful.data.documents.prepared import PreparedDocuments
    from heedful.tasks.complete.ask import TrainedLanguageModel
    from heedful.tasks.complete.learnable import LearnableLanguageModel


class Complete(Task["PreparedDocuments", "TrainedLanguageModel", "LearnableLanguageModel"]):
    """Text from nothing."""

    facts: ClassVar[TaskFacts] = TaskFacts(
        verb="complete",
        shape="one to many",
        join="decoder",
        sources=("text",),
        takes="a text",
        gives="how it goes on",
        asked_with='"…"',
        data="book.txt",
        hub_tasks={"text": "text-generation"},
        lesson=Lesson(
            "nothing",
            "a text goes on in many ways, of which a student would learn one: train it on the texts themselves",
        ),
        columns=("text",),
        network="gpt",
        view="passages",
        exported_as="gpt2",
        by_windows=True,
        runs_in_ct2=True,
        keys=keys.WRITING
        | {
            "data.source_tokenizer",
            "data.target_tokenizer",
            "data.vocabulary",
            "data.window",
            "train.label_smoothing",
            "generate.long_prompt",
        },
    )

    @cached_property
    def answering(self) -> "Answering[PreparedDocuments, TrainedLanguageModel]":
        from heedful.tasks.complete.ask import CompleteAnswering

        return CompleteAnswering(self.facts)

    @cached_property
    def learning(self) -> "Learning[PreparedDocuments, LearnableLanguageModel]":
        from heedful.tasks.complete.learn import CompleteLearning

        return CompleteLearning(self.facts, self.answering)


TASK = Complete()
