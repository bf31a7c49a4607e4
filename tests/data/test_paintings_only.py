from __future__ import annotations

import numpy as np
import pytest

from monet.data import DataError, encode_png, open_domains

PICTURE = np.full((4, 4, 3), 9, np.uint8)


@pytest.mark.parametrize("folder", ["monet_jpg", "monet_tfrec", "trainA"])
def test_a_dataset_without_photos(save, write_tfrecord, tmp_path, folder):
    if "tfrec" in folder:
        write_tfrecord(f"{folder}/x.tfrec", [{"image": encode_png(PICTURE)}])
    else:
        save(f"{folder}/x.png", PICTURE)
    domains = open_domains(tmp_path, photos=False)
    np.testing.assert_array_equal(domains.paintings.read(0), PICTURE)
    assert len(domains.photos) == 0
    assert domains.description.startswith(f"{tmp_path}: 1 painting in {folder}")


def test_photos_are_left_alone(save, tmp_path):
    save("monet_jpg/x.png", PICTURE)
    (tmp_path / "photo_jpg").mkdir()
    (tmp_path / "photo_jpg" / "broken.jpg").write_bytes(b"no picture")
    assert len(open_domains(tmp_path, photos=False).photos) == 0


@pytest.mark.parametrize("option", ["data", "painting_dir"])
def test_any_folder_of_paintings(save, tmp_path, option):
    save("x.png", PICTURE)
    domains = open_domains(**{option: tmp_path}, photos=False)
    assert len(domains.paintings) == 1
    assert domains.description == f"1 painting in {tmp_path.name}"


def test_without_arguments_the_sample_set_is_opened():
    assert len(open_domains(photos=False).paintings)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"painting_dir": "."}, "is a whole dataset, not a folder of one kind of picture"),
        ({"data": "nowhere"}, "nowhere"),
        ({"photo_dir": "trainB"}, "The painting folder is missing"),
        ({"data": ".", "painting_dir": "."}, "either a dataset folder or two folders"),
        ({"data": "."}, "has no paintings: monet_jpg, monet_tfrec or trainA is missing"),
    ],
)
def test_what_is_missing_is_said(save, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    save("trainB/x.png", PICTURE)
    with pytest.raises(DataError, match=message):
        open_domains(**options, photos=False)
