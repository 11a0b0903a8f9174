"""label, many to many, in step: a label for each frame of a video, step of a series or word of a text."""

from functools import cached_property
from typing import TYPE_CHECKING

from heedful.tasks import keys
from heedful.tasks.answering import Answering
from heedful.tasks.facts import TaskFacts
from heedful.tasks.learning import Learning
from heedful.tasks.task import Task
from heedful.tasks.teaching import Lesson

if TYPE_CHECKING:
    from heedful.data.steps.store import PreparedClips
    from heedful.tasks.label.ask import TrainedLabeller
    from heedful.tasks.label.learnable import LearnableLabeller

FACTS = TaskFacts(
    verb="label",
    shape="many to many, in step",
    join="encoder_steps",
    sources=("frames", "series", "tokens"),
    takes="a video, a series of numbers or a text",
    gives="a label at each step, and how likely each label is there",
    asked_with="FILE",
    data="clips/",
    hub_tasks={"frames": "video-classification", "tokens": "token-classification"},
    lesson=Lesson("probabilities", "steps of series and videos are not handed on, labels of words are", of=("tokens",)),
    unit="steps",
    view="steps",
    by_windows=True,
    keys=keys.PICTURES
    | {
        "data.frame_rate",
        "data.window",
        "data.answer_window",
        "network.causal",
        "train.label_smoothing",
        "train.augment",
        "train.class_weights",
        "train.smooth_steps",
    },
)


class Label(Task["PreparedClips", "TrainedLabeller", "LearnableLabeller"]):
    facts = FACTS

    @cached_property
    def answering(self) -> "Answering[PreparedClips, TrainedLabeller]":
        from heedful.tasks.label.ask import LabelAnswering

        return LabelAnswering(FACTS)

    @cached_property
    def learning(self) -> "Learning[PreparedClips, LearnableLabeller]":
        from heedful.tasks.label.learn import LabelLearning

        return LabelLearning(FACTS, self.answering)


TASK = Label()
