"""The tasks by verb, each with its line of help. Its package has its facts and its halves; nothing else is imported."""

TASKS: dict[str, str] = {
    "classify": "Classify pictures or texts with a trained model.",
    "caption": "Caption pictures with a trained model.",
    "draw": "Draw pictures from texts with a trained model.",
    "translate": "Translate texts with a trained model.",
    "label": "Label each step of videos, time series or words with a trained model.",
    "complete": "Continue texts with a trained language model.",
    "fill": "Predict the masked tokens of texts with a trained model.",
    "match": "Search pictures by text, or choose texts for pictures, with a trained model.",
}
