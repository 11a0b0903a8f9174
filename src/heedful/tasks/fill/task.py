"""fill, masked tokens of a text: what stands there, by a network that sees both sides of them. BERT."""

from heedful.tasks.adapter import ModuleTask
from heedful.tasks.task import TaskFacts

FACTS = TaskFacts(
    verb="fill",
    shape="many to many, in step",
    sources=("text",),
    takes="a text with gaps",
    gives="what stands in them, and how likely each guess is",
    asked_with='"… [MASK] …"',
    data="book.txt",
    hub_tasks={"text": "fill-mask"},
    network="bert",
    view="gaps",
    explains=True,
    exported_as="bert",
    keys=frozenset(
        (
            "data.source_tokenizer",
            "data.target_tokenizer",
            "data.vocabulary",
            "data.window",
            "train.label_smoothing",
            "train.mask",
            "train.whole_words",
        )
    ),
)
TASK = ModuleTask(FACTS)
