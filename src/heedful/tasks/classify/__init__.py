"""classify, one to one: a picture in, the name of its class out; many to one, with a text in."""

from functools import cached_property
from typing import TYPE_CHECKING

from heedful.tasks import keys
from heedful.tasks.answering import Answering
from heedful.tasks.facts import TaskFacts
from heedful.tasks.learning import Learning
from heedful.tasks.task import Task
from heedful.tasks.teaching import PROBABILITIES

if TYPE_CHECKING:
    from heedful.data.pairs.prepared import Prepared
    from heedful.tasks.classify.ask import TrainedClassifier
    from heedful.tasks.classify.learnable import LearnableClassifier

FACTS = TaskFacts(
    verb="classify",
    shape="one to one",
    join="encoder_pooled",
    sources=("picture", "text"),
    takes="a picture, or a text",
    gives="the name of its class, and how likely each class is",
    asked_with="PICTURE",
    data="photos/",
    hub_tasks={"picture": "image-classification", "text": "text-classification"},
    lesson=PROBABILITIES,
    unit="examples",
    view="classes",
    exported_as="vit",
    keys=keys.PICTURES
    | {
        "data.source_tokenizer",
        "data.lowercase",
        "data.vocabulary",
        "train.label_smoothing",
        "train.augment",
        "train.mix",
        "train.class_weights",
    },
)


class Classify(Task["Prepared", "TrainedClassifier", "LearnableClassifier"]):
    facts = FACTS

    @cached_property
    def answering(self) -> "Answering[Prepared, TrainedClassifier]":
        from heedful.tasks.classify.ask import ClassifyAnswering

        return ClassifyAnswering(FACTS)

    @cached_property
    def learning(self) -> "Learning[Prepared, LearnableClassifier]":
        from heedful.tasks.classify.learn import ClassifyLearning

        return ClassifyLearning(FACTS, self.answering)


TASK = Classify()
