"""`python -m monet.generate --kaggle`: what it refuses, writes and verifies."""

from __future__ import annotations

import io
import re
import zipfile

import keras
import numpy as np
import pytest
from PIL import Image

from monet import generate
from monet.inference import Painter, outputs, submission
from monet.inference.outputs import OutputError


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A generator that leaves pictures as they are."""
    path = tmp_path_factory.mktemp("model") / "generator.keras"
    images = keras.Input((None, None, 3))
    keras.Model(images, keras.layers.Rescaling(1.0)(images)).save(path)
    return path


@pytest.fixture
def photos(tmp_path):
    """Four photos, and one that only decoding shows to be damaged."""
    folder = tmp_path / "photos"
    folder.mkdir()
    random = np.random.default_rng(0)
    for name in "abcd":
        pixels = random.integers(0, 255, (256, 256, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    data = bytearray((folder / "b.png").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 99] = bytes(99)
    (folder / "bad.png").write_bytes(data)
    return folder


@pytest.fixture
def archive(tmp_path):
    """Writes an archive of the given members."""

    def write(members):
        with zipfile.ZipFile(tmp_path / "made.zip", "w") as file:
            for name, data in members.items():
                file.writestr(name, data)
        return tmp_path / "made.zip"

    return write


def jpeg(size=(256, 256), mode="RGB", format="JPEG"):
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, format)
    return buffer.getvalue()


def submit(model, *options):
    return generate.main(["--model", str(model), "--kaggle", *map(str, options)])


def assert_one_sentence(error, message):
    assert error.startswith("error: ") and error.count("\n") == 1, error
    assert re.search(message, error), error


def test_a_submission_is_numbered_without_gaps_and_verified(model, photos, tmp_path, capsys):
    output = tmp_path / "images.zip"
    assert submit(model, "--input", photos, "--output", output, "--allow-any-count") == 1
    with zipfile.ZipFile(output) as file:
        assert file.namelist() == [f"image_{index:05d}.jpg" for index in range(4)]
        for index, name in enumerate("abcd"):
            picture = np.asarray(Image.open(io.BytesIO(file.read(f"image_{index:05d}.jpg"))), int)
            difference = picture - np.asarray(Image.open(photos / f"{name}.png"), int)
            assert picture.shape == (256, 256, 3) and abs(difference).mean() < 5
    captured = capsys.readouterr()
    assert "Verified by reading it back: image_00000.jpg to image_00003.jpg" in captured.out
    assert "skipped 1 picture" in captured.err and "bad.png" in captured.err
    assert "warning: 4 pictures; the competition takes 7,000 to 10,000" in captured.err


def test_a_damaged_input_gives_its_place_to_the_next(model, photos, tmp_path, monkeypatch):
    monkeypatch.setattr(submission, "COUNTS", range(4, 6))
    output = tmp_path / "images.zip"
    assert submit(model, "--input", photos, photos, "--count", 5, "--output", output) == 1
    with zipfile.ZipFile(output) as file:
        assert len(file.namelist()) == 5
        assert file.read("image_00000.jpg") == file.read("image_00004.jpg")


def test_the_number_is_refused_before_anything_is_loaded(photos, tmp_path, capsys):
    options = ["--input", photos, "--output", tmp_path / "images.zip"]
    assert submit("no model", *options) == 2
    error = capsys.readouterr().err
    assert_one_sentence(error, "5 pictures; the competition takes 7,000 to 10,000. 6,995 more")
    assert "--allow-any-count" in error and "--count 7000" in error
    assert not (tmp_path / "images.zip").exists()


def test_damage_found_by_decoding_counts_too(photos, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(submission, "COUNTS", range(5, 6))
    options = ["--input", photos, "--output", tmp_path / "images.zip"]
    assert submit("no model", *options) == 2
    assert_one_sentence(capsys.readouterr().err, "4 pictures; .* takes 5 to 5. 1 more")


@pytest.mark.parametrize(
    "number, message", [(6_300, "700 more are needed"), (10_001, "`count=10000`")]
)
def test_too_few_and_too_many(number, message):
    with pytest.raises(OutputError, match=message):
        submission.check_count(number, allow_any=False)
    submission.check_count(number, allow_any=True)


@pytest.mark.parametrize("number", [7_000, 10_000])
def test_what_the_competition_takes(number):
    submission.check_count(number, allow_any=False)


def test_another_size_is_refused_before_anything_is_loaded(photos, tmp_path, capsys):
    Image.new("RGB", (300, 200)).save(photos / "c.png")
    options = ["--input", photos, "--output", tmp_path / "images.zip", "--allow-any-count"]
    assert submit("no model", *options) == 2
    assert_one_sentence(capsys.readouterr().err, "c.png is 300×200, .* takes 256×256")


def test_a_folder_is_no_submission(photos, tmp_path, capsys):
    options = ["--input", photos, "--output", tmp_path / "painted", "--allow-any-count"]
    assert submit("no model", *options) == 2
    assert_one_sentence(capsys.readouterr().err, "painted doesn't end in .zip")


def test_a_generator_that_changes_the_size_is_stopped_at_the_first_picture(
    model, photos, tmp_path, capsys, monkeypatch
):
    small = np.zeros((8, 9, 3), np.uint8)
    monkeypatch.setattr(Painter, "paint", lambda self, images: [small for _ in images])
    options = ["--input", photos, "--output", tmp_path / "images.zip", "--allow-any-count"]
    assert submit(model, *options) == 2
    assert_one_sentence(capsys.readouterr().err, "a.png, painted, is 9×8")
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_an_archive_that_fails_its_verification_takes_no_ones_place(
    model, photos, tmp_path, capsys, monkeypatch
):
    output = tmp_path / "images.zip"
    output.write_bytes(b"old")
    encode = outputs.encode
    monkeypatch.setattr(
        outputs, "encode", lambda image, name, style: encode(image[:128], name, style)
    )
    options = ["--input", photos, "--output", output, "--overwrite", "--allow-any-count"]
    assert submit(model, *options) == 2
    assert_one_sentence(
        capsys.readouterr().err, r"verification .*image_00000.jpg is .*\(256, 128\)"
    )
    assert output.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images.zip", "photos"]


def test_a_good_archive_passes(archive):
    members = {f"image_{n:05d}.jpg": jpeg() for n in range(3)}
    submission.verify_archive(archive(members), list(members))


@pytest.mark.parametrize(
    "members, message",
    [
        ({"image_00000.jpg": jpeg()}, "1 member, not image_00000.jpg to image_00001.jpg"),
        ({"image_00000.jpg": jpeg(), "image_00002.jpg": jpeg()}, "2 members, not"),
        ({"image_00000.jpg": jpeg(), "image_00001.jpg": jpeg(mode="L")}, "image_00001.jpg is"),
        ({"image_00000.jpg": jpeg((256, 255)), "image_00001.jpg": jpeg()}, "image_00000.jpg is"),
        ({"image_00000.jpg": jpeg(), "image_00001.jpg": jpeg(format="PNG")}, "PNG"),
        ({"image_00000.jpg": jpeg(), "image_00001.jpg": jpeg()[:-300]}, "image_00001.jpg can't be"),
        ({"image_00000.jpg": jpeg(), "image_00001.jpg": b""}, "image_00001.jpg can't be"),
    ],
)
def test_a_bad_archive_fails(archive, members, message):
    with pytest.raises(OutputError, match=message):
        submission.verify_archive(archive(members), ["image_00000.jpg", "image_00001.jpg"])


def test_a_flipped_bit_fails(archive):
    path = archive({"image_00000.jpg": jpeg()})
    data = bytearray(path.read_bytes())
    data[400] ^= 1
    path.write_bytes(data)
    with pytest.raises(OutputError, match="image_00000.jpg can't be read back: Bad CRC-32"):
        submission.verify_archive(path, ["image_00000.jpg"])


def test_no_archive_at_all_fails(tmp_path):
    (tmp_path / "images.zip").write_bytes(b"no archive")
    with pytest.raises(OutputError, match="not a zip file"):
        submission.verify_archive(tmp_path / "images.zip", ["image_00000.jpg"])
