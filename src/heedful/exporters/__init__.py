"""A trained model packed and described for use by others: the formats by name, and nothing that writes them."""

from heedful.errors import unknown

SHARED, PAGE = "heedful", "page"
TARGETS = {
    "onnx": "heedful.exporters.onnx",
    "ct2": "heedful.exporters.ct2",
    "hf": "heedful.exporters.hf",
    PAGE: "heedful.exporters.page",
    SHARED: "heedful.api.share",
}
"""Each format, and what writes it: `require()` raises HeedfulError for what is not installed, `refuse(package)` for
what it has no place for, `write(package, folder)` writes; a page is one file for all packages.
"""


def require_target(to: str) -> None:
    """Raises HeedfulError for what is no format, with the nearest."""
    if to not in TARGETS:
        raise unknown("format", to, TARGETS)
