"""Networks in one HTML file that opens from disk, where they answer as one types."""

from heedful.exporters.page.write import refuse, require, write

__all__ = ["refuse", "require", "write"]
