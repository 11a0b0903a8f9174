"""match: pictures and texts in one space, in which what belongs together is near. CLIP."""

from functools import cached_property
from typing import TYPE_CHECKING

from heedful.tasks import keys
from heedful.tasks.facts import TaskFacts
from heedful.tasks.task import Task
from heedful.tasks.teaching import Lesson

if TYPE_CHECKING:
    from heedful.data.pairs.prepared import Prepared
    from heedful.tasks.match.ask import MatchAnswering
    from heedful.tasks.match.learn import MatchLearning
    from heedful.tasks.match.learnable import LearnableMatcher
    from heedful.tasks.match.matcher import TrainedMatcher


class Match(Task["Prepared", "TrainedMatcher", "LearnableMatcher"]):
    """Pictures and texts in one space."""

    facts = TaskFacts(
        verb="match",
        shape="one to one",
        join="two_encoders",
        sources=("picture",),
        takes="pictures and texts",
        gives="how well each picture goes with each text",
        asked_with="PICTURE",
        data="captions.csv",
        hub_tasks={"picture": "zero-shot-image-classification"},
        lesson=Lesson(
            "nothing",
            "it compares, and answers nothing that could be learnt from: train a smaller one on the same pairs",
        ),
        unit="pairs",
        view="matches",
        exported_as="clip",
        keys=keys.PICTURES | {"data.target_tokenizer", "data.vocabulary", "train.augment", "generate.template"},
    )

    @cached_property
    def answering(self) -> "MatchAnswering":
        from heedful.tasks.match.ask import MatchAnswering

        return MatchAnswering(self.facts)

    @cached_property
    def learning(self) -> "MatchLearning":
        from heedful.tasks.match.learn import MatchLearning

        return MatchLearning(self.facts, self.answering)


TASK = Match()
