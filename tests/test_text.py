"""Words for people, and names that must not steer their terminals."""

from __future__ import annotations

from monet._text import count, printable


def test_count():
    assert [count(n, "picture") for n in (0, 1, 7038)] == [
        *("0 pictures", "1 picture", "7,038 pictures")
    ]


def test_what_steers_a_terminal_is_shown_not_obeyed():
    assert printable("a\x1b[2Jb\r\n\u202egpj.exe") == "a\\x1b[2Jb\\r\\n\\u202egpj.exe"
    for harmless in ("Été à Giverny.png", "نی\u200cلوفر.jpg", "\udcff.png", "👩\u200d🎨.png"):
        assert printable(harmless) == harmless
