from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monet.data import DataError, ImageFolder, TFRecordFolder, encode_png, open_domains, open_folder

RED, BLUE = np.full((4, 4, 3), (255, 0, 0), np.uint8), np.full((4, 4, 3), (0, 0, 255), np.uint8)


@pytest.fixture
def fill(save, write_tfrecord):
    """Puts one picture into each of the named subfolders; red where it shall be a painting."""

    def fill(*subfolders, paintings=("monet_jpg", "monet_tfrec", "trainA")):
        for subfolder in subfolders:
            picture = RED if subfolder in paintings else BLUE
            if "tfrec" in subfolder:
                write_tfrecord(f"{subfolder}/x.tfrec", [{"image": encode_png(picture)}])
            else:
                save(f"{subfolder}/x.png", picture)

    return fill


def assert_red_paintings_blue_photos(domains):
    np.testing.assert_array_equal(domains.paintings.read(0), RED)
    np.testing.assert_array_equal(domains.photos.read(0), BLUE)


@pytest.mark.parametrize("paintings", ["monet_jpg", "monet_tfrec"])
@pytest.mark.parametrize("photos", ["photo_jpg", "photo_tfrec"])
def test_competition_folder_in_any_mix(fill, tmp_path, paintings, photos):
    fill(paintings, photos)
    domains = open_domains(tmp_path)
    assert_red_paintings_blue_photos(domains)
    assert f"1 painting in {paintings}" in domains.description
    assert f"1 photo in {photos}" in domains.description
    assert isinstance(domains.photos, TFRecordFolder if "tfrec" in photos else ImageFolder)


def test_jpeg_is_preferred_unless_there_is_none(fill, tmp_path):
    fill("monet_jpg", "monet_tfrec", "photo_tfrec")
    (tmp_path / "photo_jpg").mkdir()
    domains = open_domains(tmp_path)
    assert isinstance(domains.paintings, ImageFolder)
    assert isinstance(domains.photos, TFRecordFolder)


def test_cyclegan_dataset_a_is_paintings_b_is_photos(fill, tmp_path):
    fill("trainA", "trainB", "testA", "testB")
    domains = open_domains(str(tmp_path))
    assert_red_paintings_blue_photos(domains)
    assert "1 painting in trainA, 1 photo in trainB" in domains.description


def test_folder_names_in_other_case(fill, tmp_path):
    fill("Monet_JPG", "PHOTO_jpg", paintings=("Monet_JPG",))
    assert_red_paintings_blue_photos(open_domains(tmp_path))


def test_two_folders_of_pictures_or_records(fill, tmp_path):
    fill("art", "shots", "art_tfrec", paintings=("art", "art_tfrec"))
    for art in ("art", "art_tfrec"):
        domains = open_domains(painting_dir=tmp_path / art, photo_dir=tmp_path / "shots")
        assert_red_paintings_blue_photos(domains)


def test_no_argument_opens_the_sample_set():
    domains = open_domains()
    assert "sample set" in domains.description
    assert len(domains.paintings) > 10 and len(domains.photos) > 10


def sentence(error) -> str:
    text = str(error.value)
    assert "\n" not in text and text.endswith((".", "?")) and len(text) < 600
    return text


def test_missing_domain(fill, tmp_path):
    fill("monet_jpg")
    with pytest.raises(DataError) as error:
        open_domains(tmp_path)
    assert "has no photos" in sentence(error) and "photo_jpg" in str(error.value)


def test_empty_domain(fill, tmp_path):
    fill("photo_jpg")
    (tmp_path / "monet_jpg").mkdir()
    with pytest.raises(DataError, match="monet_jpg holds neither pictures") as error:
        open_domains(tmp_path)
    sentence(error)


def test_not_a_dataset_suggests_what_was_meant(fill, tmp_path):
    fill("gan-getting-started/monet_jpg", "gan-getting-started/photo_jpg")
    dataset = tmp_path / "gan-getting-started"
    for wrong in (tmp_path, dataset / "monet_jpg"):
        with pytest.raises(DataError, match="Did you mean") as error:
            open_domains(wrong)
        assert str(dataset) in sentence(error)


def test_unknown_layout_and_missing_folder(save, tmp_path):
    save("plain/a.png", RED)
    with pytest.raises(DataError, match="`painting_dir`") as error:
        open_domains(tmp_path / "plain")
    assert "monet_jpg" in sentence(error) and "trainA" in str(error.value)
    with pytest.raises(DataError, match="nowhere doesn't exist") as error:
        open_domains(tmp_path / "nowhere")
    sentence(error)


def test_arguments_that_do_not_go_together(tmp_path):
    with pytest.raises(DataError, match="not both"):
        open_domains(tmp_path, photo_dir=tmp_path)
    with pytest.raises(DataError, match="photo folder is missing"):
        open_domains(painting_dir=tmp_path)
    with pytest.raises(DataError, match="painting folder is missing"):
        open_domains(photo_dir=tmp_path)


def test_the_same_or_nested_folders_are_refused(fill, tmp_path):
    fill("art", "art/shots")
    for photos in ("art", "art/shots"):
        with pytest.raises(DataError, match="must be different"):
            open_domains(painting_dir=tmp_path / "art", photo_dir=tmp_path / photos)


def test_a_whole_dataset_is_not_one_domain(fill, tmp_path):
    fill("data/monet_jpg", "data/photo_jpg", "shots")
    with pytest.raises(DataError, match="is a whole dataset"):
        open_domains(painting_dir=tmp_path / "data", photo_dir=tmp_path / "shots")


def test_open_folder_prefers_pictures(save, write_tfrecord, tmp_path):
    write_tfrecord("x.tfrec", [{"image": encode_png(RED)}])
    assert isinstance(open_folder(tmp_path), TFRecordFolder)
    save("a.png", BLUE)
    with pytest.warns(UserWarning, match="1 picture file and 1 TFRecord file: only the former"):
        assert isinstance(open_folder(tmp_path), ImageFolder)


def test_a_folder_of_bad_files_gives_way_to_the_records(fill, tmp_path):
    fill("monet_tfrec", "photo_jpg")
    (tmp_path / "monet_jpg").mkdir()
    (tmp_path / "monet_jpg" / "a.jpg").touch()
    assert_red_paintings_blue_photos(open_domains(tmp_path))
    (tmp_path / "monet_tfrec" / "x.tfrec").write_bytes(b"")
    with pytest.raises(DataError, match="a.jpg: the file is empty.*x.tfrec: the file is empty"):
        open_domains(tmp_path)


def test_looking_for_a_dataset_passes_over_folders_it_may_not_list(fill, tmp_path, monkeypatch):
    """As in /tmp, where folders of other users lie about."""
    fill("data/monet_jpg", "data/photo_jpg")
    (tmp_path / "a_private").mkdir()
    list_folder = Path.iterdir

    def iterdir(folder):
        if folder.name == "a_private":
            raise PermissionError(13, "Permission denied", str(folder))
        return list_folder(folder)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    with pytest.raises(DataError, match="Did you mean .*data"):
        open_domains(tmp_path)


def test_a_folder_that_may_not_be_listed_is_one_sentence(fill, tmp_path, monkeypatch):
    fill("monet_jpg", "photo_jpg")
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != tmp_path)
    with pytest.raises(DataError, match="can't be opened: permission denied") as error:
        open_domains(tmp_path)
    sentence(error)


def test_the_competitions_real_folder(real_data):
    domains = open_domains(real_data)
    assert len(domains.paintings) == 300 and len(domains.photos) >= 6000
    assert domains.photos.read(0).shape == (256, 256, 3)
    assert not domains.paintings.skipped and not domains.photos.skipped
    records = TFRecordFolder(real_data / "monet_tfrec")
    assert len(records) == 300
    same = domains.paintings.names.index(f"{records.names[0]}.jpg")
    difference = records.read(0).astype(int) - domains.paintings.read(same)
    assert np.abs(difference).mean() < 12


def test_tfrecords_are_preferred_where_asked_for(fill, tmp_path, recwarn):
    fill("monet_jpg", "monet_tfrec", "photo_jpg", "photo_tfrec")
    domains = open_domains(tmp_path, tfrecords=True)
    assert_red_paintings_blue_photos(domains)
    assert isinstance(domains.paintings, TFRecordFolder)
    assert isinstance(domains.photos, TFRecordFolder)
    assert isinstance(
        open_domains(tmp_path, photos=False, tfrecords=True).paintings, TFRecordFolder
    )
    assert not recwarn.list


def test_pictures_are_read_with_a_warning_where_there_are_no_tfrecords(fill, tmp_path):
    fill("monet_tfrec", "photo_jpg")
    with pytest.warns(UserWarning, match="photo_jpg holds no TFRecords, which were asked for"):
        domains = open_domains(tmp_path, tfrecords=True)
    assert isinstance(domains.paintings, TFRecordFolder)
    assert isinstance(domains.photos, ImageFolder)


def test_tfrecords_in_a_folder_of_both(save, write_tfrecord, tmp_path, recwarn):
    save("mixed/x.png", RED)
    write_tfrecord("mixed/x.tfrec", [{"image": encode_png(BLUE)}])
    source = open_folder(tmp_path / "mixed", tfrecords=True)
    np.testing.assert_array_equal(source.read(0), BLUE)
    assert not recwarn.list
