"""`index.html` of a report: static, with links to nothing but the files beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from string import Template
from typing import Any

from monet._text import count
from monet.exploration.plots import INSTALL

_MOST_LISTED = 100

_PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>$title</title>
<style>
:root { --text: #1d2327; --muted: #667078; --page: #fbfaf8; --rule: #e3e1dc; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6e4e0; --muted: #9aa2a8; --page: #16181a; --rule: #33373b; }
}
body {
  margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 1080px;
  font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page);
}
h1 { font-size: 1.5rem; margin: 0; }
h2 { font-size: 1.1rem; margin: 2.5rem 0 .75rem; }
header p, .note { color: var(--muted); margin: .25rem 0; }
img { display: block; max-width: 100%; border-radius: 4px; }
figure { margin: 0 0 1.25rem; }
figcaption { font-weight: 500; margin-bottom: .35rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 1rem; }
.plots img { background: #fff; width: 100%; border: 1px solid var(--rule); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td {
  text-align: left; vertical-align: top; padding: .25rem 1.25rem .25rem 0;
  border-bottom: 1px solid var(--rule); overflow-wrap: anywhere;
}
th { font-weight: 500; white-space: nowrap; }
tbody th { color: var(--muted); }
.number { text-align: right; white-space: nowrap; }
</style>
</head>
<body>
<header><h1>$title</h1><p>$summary</p></header>
$sections
<p class="note">All numbers, with the histograms: <a href="stats.json">stats.json</a>. Levels are
from 0 to 255.</p>
</body>
</html>
""")


def page_html(
    stats: Mapping[str, Any],
    *,
    grids: Sequence[tuple[str, str]],
    plots: Sequence[tuple[str, str]],
) -> str:
    """Returns the page.

    Args:
        stats: What is in `stats.json`.
        grids: (file name, caption) of the sheets of pictures.
        plots: The same of the plots; empty without matplotlib.
    """
    domains = stats["domains"]
    sections = [
        _section("Pictures", _domain_table(domains)),
        _section("Samples", "".join(_figure(*picture) for picture in grids)),
        _section("Distributions", _plots(plots)),
        _section("Files", _inventory(stats["folders"])),
        _section("Duplicates", _duplicates(stats["duplicates"])),
        _section("Unreadable files", _unreadable(domains)),
    ]
    return _PAGE.substitute(
        title="Dataset report", summary=_shown(stats["data"]), sections="\n".join(sections)
    )


def _section(title: str, content: str) -> str:
    return f"<section><h2>{title}</h2>{content}</section>"


def _figure(path: str, caption: str) -> str:
    caption = escape(caption)
    return f'<figure><figcaption>{caption}</figcaption><img src="{path}" alt="{caption}"></figure>'


def _plots(plots: Sequence[tuple[str, str]]) -> str:
    if not plots:
        return (
            f'<p class="note">There are no plots, because matplotlib is not installed: '
            f"<code>{escape(INSTALL)}</code>. Their numbers are in stats.json.</p>"
        )
    return f'<div class="plots">{"".join(_figure(*plot) for plot in plots)}</div>'


def _domain_table(domains: Mapping[str, Mapping[str, Any]]) -> str:
    rows = {
        "pictures": [f"{found['pictures']:,}" for found in domains.values()],
        "unreadable": [f"{len(found['unreadable']):,}" for found in domains.values()],
        "width": [_range(found["width"]) for found in domains.values()],
        "height": [_range(found["height"]) for found in domains.values()],
        "most frequent size": [_sizes(found["sizes"]) for found in domains.values()],
        "mean of R, G, B": [_levels(found["channel_mean"]) for found in domains.values()],
        "std of R, G, B": [_levels(found["channel_std"]) for found in domains.values()],
        "pixel mean": [_levels([found["pixel_mean"]]) for found in domains.values()],
        "pixel std": [_levels([found["pixel_std"]]) for found in domains.values()],
        "without colour": [f"{found['without_colour']:,}" for found in domains.values()],
    }
    return _table(["", *domains], ([name, *cells] for name, cells in rows.items()), numbers=True)


def _range(values: Sequence[int | None]) -> str:
    low, high = values
    return "–" if low is None else f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _sizes(sizes: Sequence[Mapping[str, int]]) -> str:
    if not sizes:
        return "–"
    first = sizes[0]
    others = f", {len(sizes) - 1:,} others" if len(sizes) > 1 else ""
    return f"{first['width']}×{first['height']} ({first['pictures']:,}{others})"


def _levels(values: Sequence[float | None]) -> str:
    return ", ".join("–" if value is None else f"{value:.1f}" for value in values)


def _inventory(folders: Sequence[Mapping[str, Any]]) -> str:
    rows = (
        [
            folder["folder"],
            f"{folder['picture_files']:,}",
            f"{folder['tfrecord_files']:,}",
            f"{folder['records']:,}",
            ", ".join(folder["features"]) or "–",
            f"{folder['bytes'] / 1e6:,.1f} MB",
        ]
        for folder in folders
    )
    head = ["folder", "picture files", "TFRecord files", "records", "features", "size"]
    return _table(head, rows, numbers=True)


def _duplicates(duplicates: Mapping[str, Any]) -> str:
    exact, near = duplicates["exact"], duplicates["near"]
    text = f"<p>Exact, by a hash of the decoded pixels: {count(len(exact), 'group')}.</p>"
    text += _table(["the same picture"], ([", ".join(group)] for group in exact))
    if near is None:
        return text + '<p class="note">Near-duplicates: too many pictures to compare them all.</p>'
    text += (
        f"<p>Near, by a perceptual hash of 256 bits: {count(len(near), 'pair')} beside those. "
        f"Look before you delete: plain skies can look alike to it.</p>"
    )
    rows = ([pair["first"], pair["second"], str(pair["differing_bits"])] for pair in near)
    return text + _table(["first", "second", "differing bits"], rows)


def _unreadable(domains: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        [domain, entry["name"], entry["reason"]]
        for domain, found in domains.items()
        for entry in found["unreadable"]
    ]
    return _table(["domain", "file or record", "reason"], rows) or "<p>None.</p>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: bool = False) -> str:
    """A table of texts, the first `_MOST_LISTED` rows; nothing if there are none."""
    rows = list(rows)
    if not rows:
        return ""
    css_class = ' class="number"' if numbers else ""
    columns = "".join(
        f"<th{css_class if index else ''}>{escape(title)}</th>" for index, title in enumerate(head)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<th scope='row'>{_shown(cell)}</th>"
            if index == 0 and numbers
            else f"<td{css_class}>{_shown(cell)}</td>"
            for index, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows[:_MOST_LISTED]
    )
    rest = len(rows) - _MOST_LISTED
    more = f'<p class="note">… and {rest:,} more, in stats.json.</p>' if rest > 0 else ""
    return (
        f'<div class="scroll"><table><thead><tr>{columns}</tr></thead><tbody>{body}</tbody>'
        f"</table></div>{more}"
    )


def _shown(text: str) -> str:
    """`text` for HTML; bytes of a file name that are no UTF-8 become the replacement character."""
    return escape(text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
