"""The frame and the tables of static pages."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from monet._page import page, section, table

AWKWARD = "<script>alert('$title')</script> & \udcff\ud800"
SHOWN = "<script>alert('$title')</script> & \ufffd\ufffd"


class Elements(HTMLParser):
    """(tag, text) of every element that holds text, and the tags in order."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.texts = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip():
            self.texts.append((self.open[-1], data))


def test_names_from_outside_are_text_wherever_they_stand():
    body = section("Files", table([[AWKWARD, AWKWARD]], head=[AWKWARD, "b"], row_heads=True))
    found = Elements(page(AWKWARD, AWKWARD, body))
    assert not found.open and "script" not in found.tags
    for tag in ("title", "h1", "p", "th", "td"):
        assert (tag, SHOWN) in found.texts
    page(AWKWARD, AWKWARD, body).encode("utf-8")


def test_a_style_of_its_own_comes_after_the_common_one():
    text = page("a", "b", "c", style="h1 { color: red; }\n")
    assert text.index("h1 { font-size") < text.index("h1 { color: red; }") < text.index("</style>")


@pytest.mark.parametrize("numbers", [False, True])
@pytest.mark.parametrize("row_heads", [False, True])
def test_tables(numbers, row_heads):
    text = table([["1", "2"], ["3", "4"]], head=["x", "y"], row_heads=row_heads, numbers=numbers)
    found = Elements(text)
    assert found.tags.count("tr") == 3
    assert found.tags.count("th") == (4 if row_heads else 2)
    assert [cell for _, cell in found.texts] == ["x", "y", "1", "2", "3", "4"]
    assert ("numbers" in text) == numbers


def test_without_rows_there_is_no_table():
    assert table([], head=["x"]) == ""
