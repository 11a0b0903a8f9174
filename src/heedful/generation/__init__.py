"""One search for every decoder."""
