"""What a page is made of, read from its text."""

from html.parser import HTMLParser


class Outline(HTMLParser):
    """Counts what a page is made of, and refuses tags that are not closed in order."""

    VOID = frozenset({"meta", "br", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.pictures: list[dict[str, int]] = []

    def handle_starttag(self, tag, attrs):
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]
        if "picture" in (dict(attrs).get("class") or "").split():
            self.pictures.append({"svg": 0, "table": 0, "see": 0})
        elif self.pictures and "picture" not in tag:
            for counted_tag in ("svg", "table"):
                self.pictures[-1][counted_tag] += tag == counted_tag
            self.pictures[-1]["see"] += dict(attrs).get("class") == "see"
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


class Shapes(Outline):
    """Also counts what stands for a drawing: pictures and tables of mix-ups; and gathers names."""

    VOID = Outline.VOID | {"img"}

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def handle_starttag(self, tag, attrs):
        super().handle_starttag(tag, attrs)
        self.names += [value or "" for name, value in attrs if name == "id"]
        if tag == "img" or "matrix" in (dict(attrs).get("class") or "").split():
            for picture in self.pictures[-1:]:
                picture["svg"] += 1
