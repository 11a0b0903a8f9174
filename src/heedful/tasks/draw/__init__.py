"""draw: a sentence in, a picture out."""
