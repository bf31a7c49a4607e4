"""The frame of every HTML page that this package writes: static, without a network."""

from __future__ import annotations

from html import escape
from string import Template

_PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>$title</title>
<style>
:root {
  --text: #1d2327; --muted: #667078; --page: #fbfaf8; --card: #fff; --rule: #e3e1dc;
  --line-0: #2f6fb0; --line-1: #c9702b;
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
header p { color: var(--muted); margin: .25rem 0 1.5rem; }
img { display: block; max-width: 100%; }
table { border-collapse: collapse; }
th { text-align: left; font-weight: 500; }
.scroll { overflow-x: auto; }
$style
</style>
</head>
<body>
<header><h1>$title</h1><p>$summary</p></header>
$body
</body>
</html>
""")


def page_html(title: str, summary: str, body: str, *, style: str = "") -> str:
    """Returns a page.

    Args:
        title: plain text, the heading.
        summary: plain text, the line below it.
        body: HTML of what follows.
        style: CSS beside that of all pages.
    """
    return _PAGE.substitute(
        title=escape(title), summary=escape(summary), body=body, style=style.strip()
    )
