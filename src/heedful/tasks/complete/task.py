"""complete, text from nothing: how a text goes on. GPT, or any decoder that needs no source."""

from heedful.tasks.adapter import ModuleTask
from heedful.tasks.task import TaskFacts

FACTS = TaskFacts(
    verb="complete",
    shape="one to many",
    sources=("text",),
    takes="a text",
    gives="how it goes on",
    asked_with='"…"',
    data="book.txt",
    hub_tasks={"text": "text-generation"},
    network="gpt",
    view="passages",
    explains=True,
    exported_as="gpt2",
    keys=frozenset(
        (
            "data.source_tokenizer",
            "data.target_tokenizer",
            "data.vocabulary",
            "data.window",
            "train.label_smoothing",
            "generate.beam",
            "generate.length_penalty",
            "generate.finish",
            "generate.renormalize",
            "generate.max_length",
            "generate.sample",
            "generate.temperature",
            "generate.top_k",
            "generate.top_p",
            "generate.min_p",
            "generate.repetition_penalty",
            "generate.no_repeat_ngram",
            "generate.prefix",
            "generate.required",
            "generate.forbidden",
            "generate.stop",
            "generate.long_prompt",
            "generate.seed",
        )
    ),
)
TASK = ModuleTask(FACTS)
