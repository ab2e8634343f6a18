"""Agents' and people's Markdown as HTML that cannot do harm.

Two walls: the parser makes no HTML of its author's, and what comes out is reduced to a list of
harmless tags. Images are left as text: a page asks no other server for anything."""

from collections.abc import Collection, Iterable, Iterator
from functools import cache

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

from debates.web.sources import anchor_of, pieces

TAGS = frozenset(
    {"p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a"}
    | {"h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"}
)
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
SCHEMES = frozenset({"http", "https", "mailto"})
HEADING_SHIFT = 3
"""A text of an agent stands under headings of the page down to the third level."""


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False})
    return parser.enable(["table", "strikethrough"]).disable(["image", "html_block", "html_inline"])


def render_markdown(
    text: str, citable: Collection[int | str] = (), *, under: int | None = None
) -> SafeString:
    """The text as safe HTML; headings begin at `h4`, or follow one of the level `under` without a
    gap. Citations of what is `citable` lead there."""
    tokens = _parser().parse(text)
    open_depths: list[int] = []
    for token in tokens:
        if token.type == "heading_open":
            depth = int(token.tag[1])
            open_depths = [*(above for above in open_depths if above < depth), depth]
        if token.type in {"heading_open", "heading_close"}:
            level = int(token.tag[1]) + HEADING_SHIFT if under is None else under + len(open_depths)
            token.tag = f"h{min(6, level)}"
        if citable and token.children:
            token.children = list(_with_citations(token.children, citable))
    html = _parser().renderer.render(tokens, _parser().options, {})
    clean = nh3.clean(
        # It takes no half of a surrogate pair, as an old row may hold one.
        html.encode("utf-8", "replace").decode(),
        tags=set(TAGS),
        attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
        url_schemes=set(SCHEMES),
        link_rel="nofollow noopener noreferrer",
    )
    return mark_safe(clean)  # noqa: S308 (nh3 has just cleaned it)


def _with_citations(tokens: Iterable[Token], citable: Collection[int | str]) -> Iterator[Token]:
    """The same inline tokens, with a link for each citation that stands in no other link."""
    depth = 0
    for token in tokens:
        depth += token.nesting if token.type.startswith("link_") else 0
        if token.type != "text" or depth:
            yield token
            continue
        for words, number in pieces(token.content, citable):
            inner = Token("text", "", 0, content=words)
            if number is None:
                yield inner
            else:
                yield Token("link_open", "a", 1, attrs={"href": f"#{anchor_of(number)}"})
                yield inner
                yield Token("link_close", "a", -1)
