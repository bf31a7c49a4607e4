from __future__ import annotations

import os
import warnings

import numpy as np
import pytest
from PIL import Image

from monet.data import DataError, ImageFolder
from monet.data.sources import report_skipped


@pytest.fixture
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_pictures_are_sorted_nested_and_of_any_case(save, tmp_path, gradient, no_warnings):
    for name in ("b.JPG", "a.png", "C.jpeg", "deep/er/d.WebP", "deep/a.bmp"):
        save(name, gradient)
    (tmp_path / "notes.txt").write_text("not a picture")
    source = ImageFolder(tmp_path)
    assert source.names == ["a.png", "b.JPG", "C.jpeg", "deep/a.bmp", "deep/er/d.WebP"]
    assert len(source) == 5 and source.skipped == []
    np.testing.assert_array_equal(source.read(0), gradient)
    np.testing.assert_array_equal(source.read(3), gradient)


def test_hidden_files_are_passed_over(save, tmp_path, gradient, no_warnings):
    save("a.png", gradient)
    for name in (".hidden.png", ".git/b.png", "__MACOSX/c.png", ".ipynb_checkpoints/d.png"):
        save(name, gradient)
    (tmp_path / "._a.png").write_bytes(b"resource fork")
    assert ImageFolder(tmp_path).names == ["a.png"]


def test_bad_files_are_skipped_with_one_counted_warning(save, tmp_path, gradient):
    good = save("good.jpg", gradient)
    (tmp_path / "cut.jpg").write_bytes(good.read_bytes()[:500])
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("text")
    with pytest.warns(UserWarning) as caught:
        source = ImageFolder(tmp_path)
    assert len(caught) == 1
    message = str(caught[0].message)
    assert message.startswith(f"Skipped 3 of 4 picture files in {tmp_path}")
    for part in ("cut.jpg: cut off", "empty.jpg: the file is empty", "text.jpg: not a picture"):
        assert part in message
    assert source.names == ["good.jpg"]
    assert [name for name, _ in source.skipped] == ["cut.jpg", "empty.jpg", "text.jpg"]


def test_a_folder_of_odd_pictures_is_read_and_the_bombs_are_skipped(save, tmp_path, monkeypatch):
    grey = Image.new("L", (6, 4), 100)
    odd = {
        "alpha.png": Image.new("RGBA", (6, 4), (9, 9, 9, 0)),
        "cmyk.tif": Image.new("CMYK", (6, 4), (255, 0, 255, 0)),
        "deep.png": Image.fromarray(np.full((4, 6), 25700, np.uint16)),
        "grey.png": grey,
        "palette.gif": grey.convert("P"),
        "tall.png": Image.new("RGB", (1, 90), "red"),
    }
    expected = [[255, 255, 255], [0, 255, 0], [100] * 3, [100] * 3, [100] * 3, [255, 0, 0]]
    for name, picture in odd.items():
        save(name, picture)
    save("bomb.png", Image.new("L", (100, 100)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.warns(
        UserWarning, match="Skipped 1 of 7 picture files .* bomb.png: too large"
    ) as w:
        source = ImageFolder(tmp_path)
    assert len(w) == 1 and source.names == list(odd)
    for index, colour in enumerate(expected):
        assert (source.read(index) == colour).all(), source.names[index]


def test_a_long_list_of_bad_files_is_shortened(save, tmp_path, gradient):
    save("good.png", gradient)
    for i in range(500):
        (tmp_path / f"{i:03d}.jpg").touch()
    with pytest.warns(UserWarning, match="Skipped 500 of 501 .* and 495 more") as caught:
        source = ImageFolder(tmp_path)
    assert len(caught) == 1 and len(str(caught[0].message)) < 500 + len(str(tmp_path))
    assert len(source.skipped) == 500


@pytest.mark.parametrize(
    ("prepare", "expected"),
    [
        (lambda folder: folder.rmdir(), "doesn't exist"),
        (lambda folder: None, "holds no pictures"),
        (lambda folder: (folder / "a.txt").touch(), "holds no pictures"),
        (lambda folder: (folder / "a.jpg").touch(), "The only picture file in .* can't be read"),
    ],
)
def test_nothing_to_read_is_one_sentence(tmp_path, prepare, expected):
    folder = tmp_path / "pictures"
    folder.mkdir()
    prepare(folder)
    with pytest.raises(DataError, match=expected) as error:
        ImageFolder(folder)
    assert "\n" not in str(error.value) and "pictures" in str(error.value)


def test_a_file_in_place_of_a_folder(tmp_path):
    (tmp_path / "data.zip").write_bytes(b"PK")
    with pytest.raises(DataError, match="is a file, not a folder; unpack it first"):
        ImageFolder(tmp_path / "data.zip")


@pytest.mark.skipif(os.name == "nt", reason="needs symbolic links")
def test_links_are_followed_once(save, tmp_path, gradient):
    save("real/a.png", gradient)
    (tmp_path / "real" / "loop").symlink_to(tmp_path / "real")
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "inside").symlink_to(tmp_path / "real")
    assert ImageFolder(tmp_path / "real").names == ["a.png"]
    assert ImageFolder(linked).names == ["inside/a.png"]


def test_late_damage_is_replaced_by_the_next_picture(flat_source):
    source = flat_source(5, bad=(2, 3))
    with pytest.warns(UserWarning, match="2.png .* can't be read: cut off") as caught:
        assert source.read_or_next(2)[0, 0, 0] == 4
        assert source.read_or_next(3)[0, 0, 0] == 4
        assert source.read_or_next(2)[0, 0, 0] == 4
    assert len(caught) == 1
    assert source.skipped == [("2.png", "cut off"), ("3.png", "cut off")]


def test_the_last_picture_is_replaced_by_the_first(flat_source):
    with pytest.warns(UserWarning):
        assert flat_source(3, start=7, bad=(2,)).read_or_next(2)[0, 0, 0] == 7


def test_nothing_left_to_replace_it(flat_source):
    with pytest.warns(UserWarning), pytest.raises(DataError, match="None of the 2 test pictures"):
        flat_source(2, bad=(0, 1)).read_or_next(0)
    with pytest.warns(UserWarning), pytest.raises(DataError, match="^0.png, the only picture"):
        flat_source(1, bad=(0,)).read_or_next(0)


def test_a_file_that_vanishes_is_replaced(save, tmp_path):
    for name in ("a.png", "b.png"):
        save(name, Image.new("RGB", (4, 4), "red" if name == "b.png" else "blue"))
    source = ImageFolder(tmp_path)
    (tmp_path / "a.png").unlink()
    with pytest.warns(UserWarning, match="a.png .* No such file"):
        assert (source.read_or_next(0) == [255, 0, 0]).all()


def test_report_counts_one_as_one(tmp_path):
    with pytest.warns(UserWarning, match="Skipped 1 of 2 things in"):
        report_skipped([("a", "torn")], 2, tmp_path, "thing")
