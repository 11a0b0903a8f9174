"""complete: how a text goes on."""
