"""draw, many to one: a sentence in, a picture out, by way of a learned codebook."""

from functools import cached_property
from typing import TYPE_CHECKING

from heedful.tasks import keys
from heedful.tasks.facts import TaskFacts
from heedful.tasks.task import Task
from heedful.tasks.teaching import Lesson

if TYPE_CHECKING:
    from heedful.data.pairs.prepared import Prepared
    from heedful.tasks.draw.ask import DrawAnswering, TrainedImageGenerator
    from heedful.tasks.draw.learn import DrawLearning, LearnableImageGenerator


class Draw(Task["Prepared", "TrainedImageGenerator", "LearnableImageGenerator"]):
    facts = TaskFacts(
        verb="draw",
        shape="many to one",
        join="encoder_decoder",
        sources=("text",),
        takes="a text",
        gives="a picture of what it says",
        asked_with='"…"',
        data="captions.csv",
        hub_tasks={"text": "text-to-image"},
        lesson=Lesson(
            "nothing",
            "its drawings went through a codebook, and a student would learn one of its own from what that blurred",
        ),
        view="drawings",
        judged_by="match",
        keys=keys.PICTURES
        | keys.SEARCH
        | {
            "data.source_tokenizer",
            "data.vocabulary",
            "network.codes",
            "train.label_smoothing",
            "train.drop_source",
            "train.codebook",
            "generate.guidance",
        },
    )

    @cached_property
    def answering(self) -> "DrawAnswering":
        from heedful.tasks.draw.ask import DrawAnswering

        return DrawAnswering(self.facts)

    @cached_property
    def learning(self) -> "DrawLearning":
        from heedful.tasks.draw.learn import DrawLearning

        return DrawLearning(self.facts, self.answering)


TASK = Draw()
