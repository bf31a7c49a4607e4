"""Static HTML pages: one frame and one look for all of them, without a library or the network."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from string import Template

from monet._plots import LINES

_LINES = " ".join(f"--line-{index}: {colour};" for index, colour in enumerate(LINES))
_SURROGATE = re.compile("[\ud800-\udfff]")

_PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
$refresh<link rel="icon" href="data:,">
<title>$title</title>
<style>
:root {
  --text: #1d2327; --muted: #667078; --page: #fbfaf8; --card: #fff; --rule: #e3e1dc;
  $lines
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #e6e4e0; --muted: #9aa2a8; --page: #16181a; --card: #1e2124; --rule: #33373b;
    --line-0: #74aee6; --line-1: #e8a063;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 1080px;
  font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page);
}
h1 { font-size: 1.5rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2.5rem 0 .75rem; }
header p, .note { color: var(--muted); margin: .25rem 0; }
img { display: block; max-width: 100%; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { font-weight: 500; white-space: nowrap; }
th, td {
  text-align: left; vertical-align: top; padding: .25rem 1.25rem .25rem 0;
  border-bottom: 1px solid var(--rule); overflow-wrap: anywhere;
}
tbody th { color: var(--muted); }
.numbers td, .numbers thead th { text-align: right; white-space: nowrap; }
.row-heads thead th:first-child { text-align: left; }
$style</style>
</head>
<body>
<header><h1>$title</h1><p>$summary</p></header>
$body
</body>
</html>
""")


def page(
    title: str, summary: str, body: str, *, style: str = "", reload_seconds: int | None = None
) -> str:
    """A page.

    Args:
        title: text, its heading too.
        summary: text, one line below the heading.
        body: HTML.
        style: CSS rules of this page alone, whole lines.
        reload_seconds: after which a browser reads the page again; never without.
    """
    refresh = ""
    if reload_seconds is not None:
        refresh = f'<meta http-equiv="refresh" content="{reload_seconds}">\n'
    return _PAGE.substitute(
        title=shown(title),
        summary=shown(summary),
        body=body,
        style=style,
        refresh=refresh,
        lines=_LINES,
    )


def section(title: str, content: str) -> str:
    """HTML `content` under a heading, or none if `title` is empty."""
    heading = f"<h2>{shown(title)}</h2>" if title else ""
    return f"<section>{heading}{content}</section>"


def table(
    rows: Iterable[Sequence[str]],
    *,
    head: Sequence[str] = (),
    row_heads: bool = False,
    numbers: bool = False,
) -> str:
    """A table of texts; nothing if there are no rows.

    Args:
        rows: the cells.
        head: what stands above them.
        row_heads: whether the first cell of a row says what the others are.
        numbers: whether the cells are numbers, which are set flush right.
    """
    body = "".join(
        "<tr>"
        + "".join(
            f'<th scope="row">{shown(cell)}</th>'
            if row_heads and index == 0
            else f"<td>{shown(cell)}</td>"
            for index, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    if not body:
        return ""
    columns = "".join(f"<th>{shown(title)}</th>" for title in head)
    above = f"<thead><tr>{columns}</tr></thead>" if head else ""
    classes = " ".join(["numbers"] * numbers + ["row-heads"] * row_heads)
    return (
        f'<div class="scroll"><table class="{classes}">{above}<tbody>{body}</tbody></table></div>'
    )


def shown(text: str) -> str:
    """`text` for HTML; what is no character, such as bytes of a file name that are no UTF-8, is
    replaced by the sign for that."""
    return escape(_SURROGATE.sub("\ufffd", text))
