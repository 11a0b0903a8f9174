"""fill: masked tokens of a text."""
