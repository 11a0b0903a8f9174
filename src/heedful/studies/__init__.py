"""The studies, in the order of the story that they tell: each is the module of its name. It imports nothing."""

STUDIES = {
    "bottleneck": "quality by source length: one vector against attention",
    "gradients": "how far back a gradient reaches, before and through training",
    "distance": "recall over distance, to where each network breaks",
    "parallelism": "time of a training step and of a generated token against length",
    "order": "the Transformer with each kind of positions, without any, and beyond its length",
    "data": "Vision Transformers and recurrent readers as the training set grows",
}
