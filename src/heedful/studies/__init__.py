"""The studies, in the order of the story that they tell: each is the module of its name. It imports nothing."""

STUDIES = {
    "gradients": "how far back a gradient reaches, before and through training",
    "parallelism": "time of a training step and of a generated token against length",
}
