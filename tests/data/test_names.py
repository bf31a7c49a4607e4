"""Names from outside: whatever they hold, what is written by them stays inside its folder."""

from __future__ import annotations

import ntpath
import os
import random
import unicodedata
from pathlib import PureWindowsPath

import pytest

from monet.data.names import safe_name, unique_names, with_suffix

PIECES = [
    *("/", "//", "\\", "\\\\", "..", ".", "...", ". .", " ", "~", "C:", "c:\\", "\\\\?\\", "file:"),
    *(
        "/etc/passwd",
        "\\\\server\\share",
        "a",
        "A",
        "b.jpg",
        "B.JPG",
        ".jpg",
        ".hidden",
        "é",
        "ＡＢ",
    ),
    *("e\u0301", "ß", "SS", "ﬁ", "fi", "é", "ＡＢ", "x" * 300, "é" * 140),
    *("con", "NUL.txt", "com¹", "LPT9 .jpg", "aux. .png"),
    *("\0", "\n", "\r", "\t", "\x1b[2J", "\x7f", "\x85", "\u202e", "\u2066", "\u200f", "\ufeff"),
    *(
        "\udcff",
        "\ud800",
        '<>:"|?*',
        ":stream",
        "%2e%2e/",
        "-rf",
        "$HOME",
        "\u2028",
        "／",
        "‥",
        "．．",
    ),
]
STEERING = [*range(0x20), *range(0x7F, 0xA0), 0x200E, 0x200F, 0x061C, 0xFEFF, 0x2028, 0x2029]
STEERING += [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]


def awkward_names(seed: int, number: int) -> list[str]:
    rng = random.Random(seed)
    return ["".join(rng.choices(PIECES, k=rng.randrange(6))) for _ in range(number)]


@pytest.mark.parametrize("seed", range(40))
def test_awkward_names_make_as_many_files_and_all_of_them_inside(tmp_path, seed):
    inside = tmp_path / "in" / "side"
    inside.mkdir(parents=True)
    names = unique_names([safe_name(name) for name in awkward_names(seed, 60)])
    for name in names:
        target = os.path.realpath(os.path.join(inside, name))
        assert os.path.commonpath([target, inside]) == str(inside) != target, name
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "xb"):
            pass
        on_windows = ntpath.normpath(ntpath.join("D:\\in\\side", name))
        assert on_windows.startswith("D:\\in\\side\\"), name
        for part in name.split("/"):
            assert part not in ("", ".", "..") and not part.startswith(".")
            assert part == part.rstrip(" .") and not set(part) & set('<>:"\\|?*')
            assert not {*map(ord, part)} & {*STEERING}
            assert len(os.fsencode(part)) <= 255 and not PureWindowsPath(part).is_reserved()
        name.encode("utf-8")
    written = [name for _, _, files in os.walk(tmp_path) for name in files]
    assert len(written) == len(names)
    for form in ("NFC", "NFD"):
        for fold in (str.lower, str.upper):
            seen = {fold(unicodedata.normalize(form, name)) for name in names}
            assert len(seen) == len(names)


def test_ordinary_names_stay_as_they_are():
    for name in ("a.jpg", "sea/d.jpg", "Été à Giverny (2).png", "نی‌لوفر.jpg", "👩‍🎨.png", "-1.jpg"):
        assert safe_name(name) == name
    assert safe_name("x" * 251 + ".png") == "x" * 251 + ".png"


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "etc/passwd"),
        ("//etc/cron.d/x", "etc/cron.d/x"),
        ("C:\\Windows\\x.jpg", "C_/Windows/x.jpg"),
        ("..\\x.jpg", "x.jpg"),
        (".bashrc", "_bashrc"),
        ("con.jpg", "_con.jpg"),
        ("console.jpg", "console.jpg"),
        ("a\x1b[2Jb.jpg", "a_[2Jb.jpg"),
        ("x" * 300 + ".png", "x" * 251 + ".png"),
        ("", "image"),
    ],
)
def test_what_becomes_of_awkward_ones(name, safe):
    assert safe_name(name) == safe


def test_numbers_go_before_the_suffix_and_what_is_preferred_keeps_its_name():
    assert unique_names(["a.jpg", "A.jpg", "a-2.jpg"]) == ["a.jpg", "A-2.jpg", "a-2-2.jpg"]
    assert unique_names(["a.jpg", "a.jpg"], [False, True]) == ["a-2.jpg", "a.jpg"]


def test_no_file_takes_the_name_of_a_folder():
    assert unique_names(["a", "a/b.jpg"]) == ["a", "a_b.jpg"]
    assert unique_names(["a/b.jpg", "A"]) == ["a/b.jpg", "A-2"]


def test_ten_thousand_pictures_of_one_name_take_no_time():
    names = unique_names(["x.jpg"] * 10_000)
    assert len(set(names)) == 10_000 and names[-1] == "x-10000.jpg"


def test_another_suffix_still_fits():
    assert with_suffix("x" * 251 + ".bmp", ".jpeg") == "x" * 250 + ".jpeg"
