"""caption, one to many: a picture in, a sentence out."""

from functools import cached_property
from typing import TYPE_CHECKING

from heedful.tasks import keys
from heedful.tasks.facts import TaskFacts
from heedful.tasks.task import Task
from heedful.tasks.teaching import ANSWERS

if TYPE_CHECKING:
    from heedful.data.pairs.prepared import Prepared
    from heedful.tasks.caption.ask import CaptionAnswering
    from heedful.tasks.caption.learn import CaptionLearning
    from heedful.tasks.seq2seq import TrainedSeq2Seq
    from heedful.tasks.seq2seq_learning import LearnableSeq2Seq


class Caption(Task["Prepared", "TrainedSeq2Seq", "LearnableSeq2Seq"]):
    facts = TaskFacts(
        verb="caption",
        shape="one to many",
        join="encoder_decoder",
        sources=("picture",),
        takes="a picture",
        gives="a text that says what is to be seen",
        asked_with="PICTURE",
        data="captions.csv",
        hub_tasks={"picture": "image-to-text"},
        lesson=ANSWERS,
        view="captions",
        searches=True,
        keys=keys.PICTURES
        | keys.WRITING
        | {"data.target_tokenizer", "data.vocabulary", "train.label_smoothing", "train.augment", "generate.close"},
    )

    @cached_property
    def answering(self) -> "CaptionAnswering":
        from heedful.tasks.caption.ask import CaptionAnswering

        return CaptionAnswering(self.facts)

    @cached_property
    def learning(self) -> "CaptionLearning":
        from heedful.tasks.caption.learn import CaptionLearning

        return CaptionLearning(self.facts, self.answering)


TASK = Caption()
