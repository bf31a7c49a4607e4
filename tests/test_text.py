"""Words for people, and names that must not steer their terminals."""

from __future__ import annotations

from pathlib import Path

from monet._text import count, distinct_names, printable


def test_count():
    assert [count(n, "picture") for n in (0, 1, 7038)] == [
        *("0 pictures", "1 picture", "7,038 pictures")
    ]


def test_what_steers_a_terminal_is_shown_not_obeyed():
    assert printable("a\x1b[2Jb\r\n\u202egpj.exe") == "a\\x1b[2Jb\\r\\n\\u202egpj.exe"
    for harmless in ("Été à Giverny.png", "نی\u200cلوفر.jpg", "\udcff.png", "👩\u200d🎨.png"):
        assert printable(harmless) == harmless


def test_names_are_as_long_as_it_takes_to_tell_paths_from_one_another(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = [Path(name) for name in ("x/a/run", "y/a/run", "y/b/run", "y/other", ".", "other/run")]
    assert list(distinct_names(paths).values()) == [
        *("x/a/run", "y/a/run", "b/run", "other", tmp_path.name, "other/run")
    ]
    assert distinct_names([Path("a"), Path("b/../a")]) == {Path("a"): "a", Path("b/../a"): "a"}
    assert distinct_names([Path("/run"), Path("/a/run")]) == {
        Path("/run"): "/run",
        Path("/a/run"): "a/run",
    }
