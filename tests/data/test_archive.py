"""Pictures read out of a zip archive."""

from __future__ import annotations

import os
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from monet.data import DataError, ImageError
from monet.data.archive import ImageArchive
from monet.data.images import encode_png


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 256, (12, 8, 9, 3), dtype=np.uint8)


def write(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_pictures_by_name(tmp_path, pictures):
    members = {f"{number}.png": encode_png(p) for number, p in enumerate(pictures[:3])}
    members |= {"a/b.PNG": members["0.png"], "readme.txt": b"no", ".hidden.png": b"no"}
    members |= {"__MACOSX/._0.png": b"no", "a/": b""}
    source = ImageArchive(write(tmp_path / "images.zip", members))
    assert source.names == ["0.png", "1.png", "2.png", "a/b.PNG"]
    assert source.description == "4 pictures in images.zip"
    np.testing.assert_array_equal(source.read(1), pictures[1])
    assert source.read(0, shrink_to=4).shape == (4, 4, 3)


def test_threads_share_it(tmp_path, pictures):
    members = {f"{number:02}.png": encode_png(p) for number, p in enumerate(pictures)}
    source = ImageArchive(write(tmp_path / "images.zip", members))
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(source.read, list(range(12)) * 10))
    np.testing.assert_array_equal(found, np.tile(pictures, (10, 1, 1, 1)))


def test_damage_is_of_one_picture(tmp_path, pictures):
    members = {"a.png": encode_png(pictures[0]), "b.png": encode_png(pictures[1]), "c.png": b"no"}
    path = write(tmp_path / "images.zip", members)
    content = path.read_bytes()
    path.write_bytes(content.replace(members["b.png"], members["b.png"][::-1]))
    source = ImageArchive(path)
    np.testing.assert_array_equal(source.read(0), pictures[0])
    for index in 1, 2:
        with pytest.raises(ImageError):
            source.read(index)


def test_bombs_are_refused(tmp_path):
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("bomb.png", "w") as member:
            for _ in range(257):
                member.write(bytes(1 << 20))
    with pytest.raises(ImageError, match="too large"):
        ImageArchive(path).read(0)


@pytest.mark.parametrize(
    "offset, value, message",
    [(8, 98, "packed in a way that Python can't unpack"), (6, 1, "the archive is encrypted")],
)
def test_what_python_cannot_unpack_is_not_called_damaged(
    tmp_path, pictures, offset, value, message
):
    path = write(tmp_path / "images.zip", {"a.png": encode_png(pictures[0])})
    content = bytearray(path.read_bytes())
    content[offset] = value  # of the local header: compression method, or flags
    content[content.index(b"PK\x01\x02") + offset + 2] = value  # and of the central one
    path.write_bytes(content)
    with pytest.raises(ImageError, match=message):
        ImageArchive(path).read(0)


def test_what_is_no_archive_of_pictures_is_named(tmp_path, in_time):
    (tmp_path / "text.zip").write_text("no archive")
    os.mkfifo(tmp_path / "fifo.zip")
    for path, message in (
        (tmp_path / "fifo.zip", "not a regular file"),
        (tmp_path / "none.zip", "No such file"),
        (tmp_path / "text.zip", "not a zip archive"),
        (write(tmp_path / "empty.zip", {"a.txt": b""}), "holds no pictures"),
    ):
        with pytest.raises(DataError, match=message):
            in_time(lambda path=path: ImageArchive(path))
