"""The tasks by verb, each with its line of help. Its package has its facts and its halves; nothing else is imported."""

TASKS: dict[str, str] = {
    "classify": "Ask a trained model: picture or text in, class out.",
    "caption": "Ask a trained model: picture in, sentence out.",
    "draw": "Ask a trained model: text in, picture out.",
    "translate": "Ask a trained model: text in, text out.",
    "label": "Ask a trained model: video, series or words in, a label at each step out.",
    "complete": "Ask a trained model: how does a text go on?",
    "fill": "Ask a trained model: what stands in the gaps of a text?",
    "match": "Ask a trained model: which pictures go with a text, or texts with a picture?",
}
