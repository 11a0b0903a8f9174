"""translate: a text in, a text out."""
