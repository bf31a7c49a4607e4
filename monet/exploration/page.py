"""`index.html` of a report: static, with links to nothing but the files beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from monet._page import page, section, table
from monet._plots import INSTALL
from monet._text import count
from monet.exploration.fingerprint import FINGERPRINT_BITS

_MOST_LISTED = 100

_STYLE = """\
img { border-radius: 4px; }
figure { margin: 0 0 1.25rem; }
figcaption { font-weight: 500; margin-bottom: .35rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 1rem; }
.plots figure:last-child { grid-column: 1 / -1; }
.plots img { background: #fff; width: 100%; border: 1px solid var(--rule); }
"""

_FOOTER = """\
<p class="note">All numbers, with the histograms: <a href="stats.json">stats.json</a>. Levels are
from 0 to 255.</p>"""


def page_html(
    stats: Mapping[str, Any],
    *,
    grids: Sequence[tuple[str, str]],
    plots: Sequence[tuple[str, str]],
) -> str:
    """Returns the page.

    Args:
        stats: what is in `stats.json`.
        grids: (file name, caption) of the sheets of pictures.
        plots: the same of the plots; empty without matplotlib.
    """
    domains = stats["domains"]
    sections = [
        section("Pictures", _insights(stats["insights"]) + _domain_table(domains)),
        section("Samples", "".join(_figure(*picture) for picture in grids)),
        section("Distributions", _plots(plots)),
        section("Files", _inventory(stats["folders"])),
        section("Duplicates", _duplicates(stats["duplicates"])),
        section("Unreadable files", _unreadable(domains)),
    ]
    return page("Dataset report", stats["data"], "\n".join([*sections, _FOOTER]), style=_STYLE)


def _insights(sentences: Sequence[str]) -> str:
    return f"<p>{escape(' '.join(sentences))}</p>" if sentences else ""


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
        "std within a picture": [
            _levels([found["picture_std_mean"]]) for found in domains.values()
        ],
        "without colour": [f"{found['without_colour']:,}" for found in domains.values()],
    }
    return table(
        ([name, *cells] for name, cells in rows.items()),
        head=["", *domains],
        row_heads=True,
        numbers=True,
    )


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
    return table(rows, head=head, row_heads=True, numbers=True)


def _duplicates(duplicates: Mapping[str, Any]) -> str:
    exact, near = duplicates["exact"], duplicates["near"]
    text = f"<p>Exact, by a hash of the decoded pixels: {count(len(exact), 'group')}.</p>"
    text += _list(["the same picture"], [[", ".join(group)] for group in exact])
    if near is None:
        return text + '<p class="note">Near-duplicates: too many pictures to compare them all.</p>'
    text += (
        f"<p>Near, by a perceptual hash of {FINGERPRINT_BITS} bits, also mirrored: "
        f"{count(len(near), 'pair')} beside those. Look before you delete: two photos of one view "
        f"are near too.</p>"
    )
    rows = [
        [
            pair["first"],
            pair["second"],
            str(pair["differing_bits"]),
            "yes" if pair["mirrored"] else "no",
        ]
        for pair in near
    ]
    return text + _list(["first", "second", "differing bits", "mirrored"], rows)


def _unreadable(domains: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        [domain, entry["name"], entry["reason"]]
        for domain, found in domains.items()
        for entry in found["unreadable"]
    ]
    return _list(["domain", "file or record", "reason"], rows) or "<p>None.</p>"


def _list(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of the first rows, and how many more there are; nothing if there are none."""
    rest = len(rows) - _MOST_LISTED
    more = f'<p class="note">… and {rest:,} more, in stats.json.</p>' if rest > 0 else ""
    return table(rows[:_MOST_LISTED], head=head) + more
