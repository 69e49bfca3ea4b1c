"""HTML elements that cannot be written unescaped: every text goes through the serializer of xml.etree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from pilotfish.views.report import figures as fig

Child = Element | str | None
ROWS_MAX = 500  # of a table on the page


def el(tag: str, *children: Child, **attributes: str) -> Element:
    """An element. `class_` becomes class and `data_id` data-id; None children are left out."""
    made = Element(tag, {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()})
    last: Element | None = None
    for child in children:
        if isinstance(child, Element):
            made.append(child)
            last = child
        elif child is not None and last is None:
            made.text = (made.text or "") + child
        elif child is not None and last is not None:
            last.tail = (last.tail or "") + child
    return made


def render(root: Element) -> str:
    """The page as HTML text. Script and style content is raw by HTML's rules, so it must be ours."""
    return "<!doctype html>\n" + tostring(root, encoding="unicode", method="html") + "\n"


def table(
    head: Sequence[str], rows: Iterable[Sequence[Child]], numbers: Sequence[int] = (), caption: str = ""
) -> Element:
    """A table that scrolls sideways inside its own box; columns in `numbers` are set right in tabular figures."""

    def cell(tag: str, i: int, child: Child) -> Element:
        return el(tag, child, class_="n") if i in numbers else el(tag, child)

    made = el("table", el("caption", caption) if caption else None)
    SubElement(made, "thead").append(el("tr", *(cell("th", i, name) for i, name in enumerate(head))))
    body = SubElement(made, "tbody")
    for row in rows:
        body.append(el("tr", *(cell("td", i, child) for i, child in enumerate(row))))
    return el("div", made, class_="scroll", tabindex="0")


def bar_list(rows: Sequence[tuple[str, int, str]]) -> Element:
    """Horizontal bars with whole sentences: (sentence, size, words about it), scaled to the largest."""
    widest = max((n for _, n, _ in rows), default=0) or 1
    made = el("ul", class_="bars")
    for text, n, words in rows:
        bar = el("div", el("div", style=f"width:{max(0.5, 100 * max(n, 0) / widest):.2f}%"), class_="bar")
        made.append(el("li", el("div", el("span", text), el("b", words), class_="what"), bar))
    return made


def card(title: str, *children: Element | str | None, id_: str = "", class_: str = "card") -> Element:
    made = el("section", el("h2", title), *children, class_=class_)
    if id_:
        made.set("id", id_)
    return made


def says(text: str) -> Element:
    return el("p", text, class_="says")


def capped(made: Element) -> Element:
    made.set("class", "scroll tall")
    return made


def more(n: int) -> Element | None:
    return says(f"The first {ROWS_MAX} of {fig.integer(n)}; all are in report.json.") if n > ROWS_MAX else None
