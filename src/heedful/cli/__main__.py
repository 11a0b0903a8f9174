"""`python -m heedful.cli` is `heedful`."""

from heedful.cli import main

main()
