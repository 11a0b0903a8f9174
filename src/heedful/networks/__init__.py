"""Whole networks, made from blocks only: they know nothing of files, optimizers, metrics or tasks."""
