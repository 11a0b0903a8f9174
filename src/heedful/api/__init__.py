"""What can be done with Heedful from Python; `heedful` itself names it, and the command line calls the same."""
