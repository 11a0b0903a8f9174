"""Documents: texts that stand by themselves."""
