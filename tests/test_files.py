"""Files that are either whole or not there."""

from __future__ import annotations

import os

from monet._files import remove_leftovers, replacing

DEAD = 2**31 - 1  # more than any system's processes


def test_the_longest_name_can_be_replaced(tmp_path):
    path = tmp_path / ("x" * 250 + ".png")
    with replacing(path) as temporary:
        temporary.write_bytes(b"whole")
        assert temporary.suffix == ".png"
    assert path.read_bytes() == b"whole"


def test_a_name_that_is_not_utf8_can_be_replaced(tmp_path):
    path = tmp_path / os.fsdecode(b"\xff.png")
    with replacing(path) as temporary:
        temporary.write_bytes(b"whole")
    assert path.read_bytes() == b"whole"


def test_names_written_at_the_same_time_have_temporary_names_of_their_own(tmp_path):
    with replacing(tmp_path / "a.png") as first, replacing(tmp_path / "b.png") as second:
        assert first != second
        first.touch()
        second.touch()


def test_leftovers_of_a_living_process_stay(tmp_path):
    kept = {".partial-1-00c0ffee.jpg", f".partial-{os.getpid()}-00c0ffee.jpg", ".partial-notes"}
    for name in (*kept, f".partial-{DEAD}-00c0ffee.jpg", f".partial-{DEAD**3}-00c0ffee.jpg"):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == kept


def test_no_folder_has_no_leftovers(tmp_path):
    remove_leftovers(tmp_path / "nowhere")
