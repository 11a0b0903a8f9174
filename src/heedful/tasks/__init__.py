"""The tasks by verb: the module that has its facts and its halves, and its line of help. Nothing else is imported."""

TASKS: dict[str, tuple[str, str]] = {
    "classify": ("heedful.tasks.classify.task", "Ask a trained model: picture or text in, class out."),
    "caption": ("heedful.tasks.caption.task", "Ask a trained model: picture in, sentence out."),
    "draw": ("heedful.tasks.draw.task", "Ask a trained model: text in, picture out."),
    "translate": ("heedful.tasks.translate.task", "Ask a trained model: text in, text out."),
    "label": ("heedful.tasks.label.task", "Ask a trained model: video, series or words in, a label at each step out."),
    "complete": ("heedful.tasks.complete.task", "Ask a trained model: how does a text go on?"),
    "fill": ("heedful.tasks.fill.task", "Ask a trained model: what stands in the gaps of a text?"),
    "match": (
        "heedful.tasks.match.task",
        "Ask a trained model: which pictures go with a text, or texts with a picture?",
    ),
}
