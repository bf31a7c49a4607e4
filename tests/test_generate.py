"""`python -m monet.generate` as its user meets it."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from monet import generate
from monet.inference import PaintOptions, outputs
from monet.models.painter import painter_generator
from monet.ops.native import library


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A generator that leaves pictures as they are."""
    path = tmp_path_factory.mktemp("model") / "generator.keras"
    images = keras.Input((None, None, 3))
    keras.Model(images, keras.layers.Rescaling(1.0)(images)).save(path)
    return path


@pytest.fixture
def photos(tmp_path):
    """Pictures of many sizes, formats and depths of folder; every one has its own grey."""
    folder = tmp_path / "photos"
    (folder / "trips" / "sea").mkdir(parents=True)
    sizes = [(40, 30), (30, 40), (33, 17), (1, 1), (40, 30), (64, 64)]
    names = ["a.jpg", "b.png", "c.JPEG", "trips/a.jpg", "trips/sea/d.bmp", "trips/e.webp"]
    for level, (name, size) in enumerate(zip(names, sizes, strict=True)):
        Image.new("RGB", size, (40 * level,) * 3).save(folder / name)
    return folder


EXPECTED = ["a.jpg", "b.png", "c.JPEG", "trips/a.jpg", "trips/e.jpg", "trips/sea/d.jpg"]


def paint(model, *options):
    return generate.main(["--model", str(model), *map(str, options)])


def members(archive):
    with zipfile.ZipFile(archive) as file:
        assert file.testzip() is None
        return {name: Image.open(io.BytesIO(file.read(name))) for name in file.namelist()}


def test_a_folder_becomes_an_archive_with_names_sizes_and_order_kept(model, photos, tmp_path):
    output = tmp_path / "images.zip"
    assert paint(model, "--input", photos, "--output", output, "--batch-size", 2) == 0
    found = members(output)
    assert list(found) == EXPECTED
    for name, picture in found.items():
        original = next(photos.glob(f"{Path(name).with_suffix('')}.*"))
        with Image.open(original) as source:
            assert picture.size == source.size
            difference = np.asarray(picture, int) - np.asarray(source.convert("RGB"), int)
            assert abs(difference).max() <= 2
    assert found["b.png"].format == "PNG" and found["trips/sea/d.jpg"].format == "JPEG"


def test_the_same_pictures_make_the_same_archive(model, photos, tmp_path):
    for name in ("one.zip", "two.zip"):
        assert paint(model, "--input", photos, "--output", tmp_path / name) == 0
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_a_folder_can_be_the_output(model, photos, tmp_path):
    assert paint(model, "--input", photos, "--output", tmp_path / "painted") == 0
    found = [path for path in (tmp_path / "painted").rglob("*") if path.is_file()]
    assert sorted(p.relative_to(tmp_path / "painted").as_posix() for p in found) == EXPECTED


def test_one_picture_becomes_one_picture(model, photos, tmp_path, capsys):
    output = tmp_path / "painted.png"
    assert paint(model, "--input", photos / "a.jpg", "--output", output) == 0
    assert Image.open(output).size == (40, 30) and Image.open(output).format == "PNG"
    assert paint(model, "--input", photos, "--output", tmp_path / "all.png") == 2
    assert_one_sentence(capsys.readouterr().err, "6 inputs don't fit")


def test_a_run_knows_its_generator(model, photos, tmp_path):
    options = ["--run", str(model.parent), "--input", str(photos / "a.jpg")]
    assert generate.main([*options, "--output", str(tmp_path / "images.zip")]) == 0


def test_strength_goes_from_the_strokes_to_the_painting_and_beyond(tmp_path):
    network = painter_generator(filters=8, blocks=1, stroke_length=6)
    change = network.get_layer("change_convolution")
    change.kernel.assign(0 * change.kernel)
    change.bias.assign([0.1, 0.2, 0.3])
    network.save(tmp_path / "painter.keras")
    Image.new("RGB", (32, 32), (99, 99, 99)).save(tmp_path / "grey.png")
    reds = []
    for strength in (0, 0.5, 1, 2):
        output = tmp_path / f"{strength}.png"
        options = ("--input", tmp_path / "grey.png", "--output", output, "--strength", strength)
        assert paint(tmp_path / "painter.keras", *options) in (0, 1)  # 1: in a single colour
        reds.append(np.asarray(Image.open(output))[..., 0].mean())
    assert reds[0] == 99 and np.all(np.diff(reds) > 2)


def test_strength_of_a_generator_that_paints_anew(model, photos, tmp_path, capsys):
    output = tmp_path / "images.zip"
    options = ("--input", photos, "--output", output, "--strength", "0.5")
    assert paint(model, *options) == 2
    error = capsys.readouterr().err
    assert f"{model} has no --strength: it paints anew" in error and not output.exists()


@pytest.mark.parametrize("strength", ["-1", "2.5", "nan", "much"])
def test_strength_is_checked_before_anything_is_read(model, tmp_path, capsys, strength):
    with pytest.raises(SystemExit):
        paint(model, "--input", tmp_path / "nowhere", "--strength", strength)
    assert "argument --strength" in capsys.readouterr().err


def test_strength_from_python_is_checked_too():
    with pytest.raises(ValueError, match="strength=2.5.*: expected a number from 0 to 2"):
        PaintOptions(strength=2.5)


def test_inputs_of_the_same_name_are_both_kept(model, photos, tmp_path):
    output = tmp_path / "images.zip"
    inputs = [photos / "a.jpg", photos / "trips" / "a.jpg", photos / "trips"]
    assert paint(model, "--input", *inputs, "--output", output) == 0
    assert list(members(output)) == ["a.jpg", "a-2.jpg", "a-3.jpg", "e.jpg", "sea/d.jpg"]


def test_output_names_have_a_suffix_that_is_written():
    names = ["../../etc/passwd", "/abs/x.png", "A.jpg", "a.JPG", "a.b.tiff", "..", "/", "b.bmp"]
    assert outputs.output_names([*names, "b.jpg"]) == [
        *("etc/passwd.jpg", "abs/x.png", "A.jpg", "a-2.JPG", "a.b.jpg", "image.jpg"),
        *("image-2.jpg", "b-2.jpg", "b.jpg"),
    ]


@pytest.mark.parametrize("output", ["painted", "images.zip"])
def test_a_record_named_like_a_file_outside_stays_inside(model, tmp_path, output):
    outside = tmp_path / "outside.png"
    outside.write_bytes(b"mine")
    write_records(tmp_path / "records", [f"/{outside}", f"../{outside.name}"])
    options = ["--input", tmp_path / "records", "--output", tmp_path / "out" / output]
    assert paint(model, *options) == 0
    assert outside.read_bytes() == b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "outside.png", "records"]
    if output == "images.zip":
        names = list(members(tmp_path / "out" / output))
        assert names == [str(outside)[1:], "outside.png"]


def test_a_name_that_is_not_utf8(model, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.new("RGB", (8, 8)).save(folder / "good.png")
    for name in (b"\xff.png", b"\xfe.png"):
        (folder / os.fsdecode(name)).write_bytes((folder / "good.png").read_bytes())
    broken = tmp_path / os.fsdecode(b"\xfd.png")
    broken.touch()
    output = tmp_path / "images.zip"
    result = in_a_process(model, "--input", folder, broken, "--output", output)
    assert result.returncode == 1, result.stderr
    assert "?.png: the file is empty" in result.stderr
    assert sorted(members(output)) == ["good.png", "\ufffd-2.png", "\ufffd.png"]


def test_a_terminal_without_unicode(model, photos, tmp_path):
    options = ["--input", photos, "--output", tmp_path / "images.zip"]
    result = in_a_process(model, *options, PYTHONIOENCODING="ascii")
    assert result.returncode == 0, result.stderr
    assert "Wrote 6 pictures" in result.stdout


def in_a_process(model, *options, **environment):
    command = [sys.executable, "-m", "monet.generate", "--model", str(model), *map(str, options)]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
        env={**os.environ, **environment},
    )


def test_tfrecords_are_inputs_too(model, tmp_path):
    write_records(tmp_path / "photo_tfrec", ["id0", "id1"])
    assert paint(model, "--input", tmp_path / "photo_tfrec", "--output", tmp_path / "a.zip") == 0
    assert list(members(tmp_path / "a.zip")) == ["id0.jpg", "id1.jpg"]


def write_records(folder, names):
    """Makes a folder with a TFRecord file of one black picture for each name."""
    folder.mkdir()
    encoded = io.BytesIO()
    Image.new("RGB", (32, 32)).save(encoded, "PNG")
    with tf.io.TFRecordWriter(str(folder / "a.tfrec")) as writer:
        for name in names:
            features = {"image_name": os.fsencode(name), "image": encoded.getvalue()}
            features = {
                key: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
                for key, value in features.items()
            }
            features = tf.train.Features(feature=features)
            writer.write(tf.train.Example(features=features).SerializeToString())


def test_unreadable_inputs_are_skipped_named_and_counted(model, photos, tmp_path, capsys):
    (photos / "broken.jpg").write_bytes((photos / "a.jpg").read_bytes()[:-200])
    (photos / "empty.png").write_bytes(b"")
    options = ["--input", photos, photos / "broken.jpg", "--output", tmp_path / "images.zip"]
    assert paint(model, *options) == 1
    error = capsys.readouterr().err
    assert "skipped 3 pictures" in error
    assert error.count("broken.jpg: ") == 2 and "empty.png: the file is empty" in error
    assert list(members(tmp_path / "images.zip")) == EXPECTED


def black_where_bright(images):
    return images * keras.ops.cast(keras.ops.mean(images, (1, 2, 3), keepdims=True) < 0, "float32")


def no_numbers_where_bright(images):
    return images / keras.ops.cast(keras.ops.mean(images, (1, 2, 3), keepdims=True) < 0, "float32")


def saved(path, function):
    images = keras.Input((None, None, 3))
    keras.Model(images, function(images)).save(path)
    return path


@pytest.fixture
def striped(tmp_path):
    """Two dark pictures and a bright one with stripes, and a grey one without."""
    folder = tmp_path / "striped"
    folder.mkdir()
    for name, low, high in (("a", 0, 50), ("b", 200, 255), ("c", 10, 60), ("flat", 90, 90)):
        pixels = np.full((16, 16, 3), low, np.uint8)
        pixels[::4] = high
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return folder


def test_pictures_that_are_no_numbers_are_not_written(striped, tmp_path, capsys):
    model = saved(tmp_path / "model.keras", no_numbers_where_bright)
    assert paint(model, "--input", striped, "--output", tmp_path / "a.zip") == 1
    error = capsys.readouterr().err
    assert "skipped 1 picture:\n  b.png: the generator gives no finite numbers" in error
    assert list(members(tmp_path / "a.zip")) == ["a.png", "c.png", "flat.png"]
    assert paint(model, "--input", striped / "b.png", "--output", tmp_path / "b.zip") == 2
    assert_one_sentence(capsys.readouterr().err, "nothing can be painted .*b.png: the generator")
    assert not (tmp_path / "b.zip").exists()


def test_a_picture_too_long_for_jpeg_costs_only_itself(model, striped, tmp_path, capsys):
    pixels = np.random.default_rng(0).integers(0, 255, (2, 65_501, 3), np.uint8)
    for name in ("long.bmp", "long.png"):
        Image.fromarray(pixels).save(striped / name)
    output = tmp_path / "images.zip"
    assert paint(model, "--input", striped, "--output", output) == 1
    assert "long.bmp: too large for JPEG: 65,501 pixels" in capsys.readouterr().err
    assert list(members(output)) == ["a.png", "b.png", "c.png", "flat.png", "long.png"]


def test_pictures_in_a_single_colour_are_named_unless_the_photo_is(striped, tmp_path, capsys):
    model = saved(tmp_path / "model.keras", black_where_bright)
    assert paint(model, "--input", striped, "--output", tmp_path / "a.zip") == 1
    error = capsys.readouterr().err
    assert error == "warning: look at 1 picture:\n  b.png: came out in a single colour\n"
    assert len(members(tmp_path / "a.zip")) == 4
    assert paint(model, "--input", striped / "flat.png", "--output", tmp_path / "flat.png") == 0


@pytest.mark.parametrize("kaggle", [False, True])
@pytest.mark.parametrize("level", [0.0, 1.0])
def test_a_generator_that_paints_one_colour_is_no_success(tmp_path, capsys, kaggle, level):
    model = saved(tmp_path / "model.keras", keras.layers.Rescaling(0.0, level))
    pixels = np.random.default_rng(0).integers(0, 255, (256, 256, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    options = ["--kaggle", "--allow-any-count"] if kaggle else []
    output = tmp_path / "images.zip"
    assert paint(model, "--input", tmp_path / "photo.png", "--output", output, *options) == 2
    captured = capsys.readouterr()
    assert_one_sentence(captured.err, "came out in a single colour, so its training failed")
    assert "Verified" not in captured.out and not output.exists()


def test_a_generator_whose_weights_are_no_numbers_paints_nothing(photos, tmp_path, capsys):
    images = keras.Input((None, None, 3))
    model = keras.Model(images, keras.layers.Conv2D(3, 1, name="last")(images))
    model.get_layer("last").bias.assign([0.0, np.inf, 0.0])
    model.save(tmp_path / "model.keras")
    options = ["--input", photos, "--output", tmp_path / "images.zip"]
    assert paint(tmp_path / "model.keras", *options) == 2
    assert_one_sentence(capsys.readouterr().err, "last/bias hold values that are no finite numbers")


@pytest.mark.parametrize("values, code", [("no numbers", 2), ("flat", 2), ("good", 0)])
def test_paintings_from_noise_are_looked_at_too(tmp_path, values, code):
    noise = keras.Input((4,))
    scale = {"no numbers": 3e38, "flat": 0.0, "good": 1.0}[values]
    pixels = keras.layers.Dense(16 * 16 * 3)(keras.layers.Rescaling(scale)(noise))
    keras.Model(noise, keras.layers.Reshape((16, 16, 3))(pixels * scale)).save(tmp_path / "m.keras")
    options = ["--count", 3, "--output", tmp_path / "a.zip", "--mixed-precision", "off"]
    assert paint(tmp_path / "m.keras", *options) == code


def test_orientation_is_respected(model, tmp_path):
    picture = Image.new("RGB", (40, 20))
    exif = picture.getexif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    picture.save(tmp_path / "turned.jpg", exif=exif)
    output = tmp_path / "painted.jpg"
    assert paint(model, "--input", tmp_path / "turned.jpg", "--output", output) == 0
    assert Image.open(output).size == (20, 40)


@pytest.mark.parametrize("name", ["images.zip", "painted", "painted.jpg"])
def test_an_existing_output_is_kept_unless_told_otherwise(model, photos, tmp_path, capsys, name):
    output = tmp_path / name
    options = ["--input", photos / "a.jpg", "--output", output]
    assert paint(model, *options) == 0
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert paint(model, *options) == 2
    assert_one_sentence(capsys.readouterr().err, "--overwrite")
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    assert paint(model, *options, "--overwrite") == 0


@pytest.mark.parametrize(
    "options, message",
    [
        (["--input", "nowhere"], "no file or folder nowhere"),
        (["--input", "{empty}"], "neither pictures .* nor TFRecords"),
        (["--input", "{photos}", "--output", "{photos}", "--overwrite"], "is an input too"),
        (["--input", "{photos}", "--output", "{photos}/a.jpg/x.zip"], "can't write"),
    ],
)
def test_mistakes_are_one_sentence(model, photos, tmp_path, capsys, options, message):
    (tmp_path / "empty").mkdir()
    places = {"photos": photos, "empty": tmp_path / "empty"}
    if "--output" not in options:
        options = [*options, "--output", str(tmp_path / "images.zip")]
    assert paint(model, *[option.format(**places) for option in options]) == 2
    assert_one_sentence(capsys.readouterr().err, message)


def test_an_input_is_never_overwritten(model, photos, tmp_path, capsys):
    (tmp_path / "link").symlink_to(photos)
    before = {path: path.read_bytes() for path in photos.rglob("*.*")}
    for source, output in [
        (photos / "a.jpg", photos),
        (photos / "a.jpg", tmp_path / "link"),
        (photos / "trips" / "a.jpg", photos / "trips"),
        (photos / "a.jpg", photos / "a.jpg"),
        (photos, photos / "trips" / "a.jpg"),
        (photos / "trips", photos.parent / "photos" / "trips"),
    ]:
        options = ["--input", source, "--output", output, "--overwrite", "--count", 1]
        assert paint(model, *options) == 2
        assert_one_sentence(capsys.readouterr().err, "is an input too; give --output another name")
    assert {path: path.read_bytes() for path in photos.rglob("*.*")} == before


@pytest.mark.parametrize("name", ["images.zip", "painted", "painted.jpg"])
def test_nothing_readable_leaves_no_output(model, tmp_path, capsys, name):
    (tmp_path / "notes.jpg").write_text("no picture")
    (tmp_path / "empty.jpg").touch()
    inputs = [tmp_path / "notes.jpg", tmp_path / "empty.jpg"]
    inputs = inputs[: 1 if name == "painted.jpg" else 2]
    assert paint(model, "--input", *inputs, "--output", tmp_path / name) == 2
    assert_one_sentence(
        capsys.readouterr().err, r"can be painted \(notes.jpg: .*; nothing was written"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.jpg", "notes.jpg"]


def test_nothing_readable_leaves_the_old_archive(model, tmp_path, capsys):
    output = tmp_path / "images.zip"
    output.write_bytes(b"old")
    for number in range(5):
        (tmp_path / f"{number}.jpg").touch()
    inputs = [tmp_path / f"{number}.jpg" for number in range(5)]
    assert paint(model, "--input", *inputs, "--output", output, "--overwrite") == 2
    assert_one_sentence(capsys.readouterr().err, "2.jpg: the file is empty; and 2 more")
    assert output.read_bytes() == b"old"


def test_an_unknown_mode_of_the_ops_is_one_sentence(model, photos, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("MONET_OPS", "garbage")
    assert paint(model, "--input", photos, "--output", tmp_path / "images.zip") == 2
    assert_one_sentence(capsys.readouterr().err, "MONET_OPS must be .* got 'garbage'")


def test_native_ops_that_are_not_there_are_one_sentence(
    model, photos, tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("MONET_OPS", "native")
    monkeypatch.setattr(library, "unusable", lambda: library.Unusable("not built", "build it"))
    assert paint(model, "--input", photos, "--output", tmp_path / "images.zip") == 2
    assert_one_sentence(capsys.readouterr().err, "natively on the CPU: not built; build it")


@pytest.mark.parametrize("option", ["--input", "--output"])
def test_an_empty_name_is_not_the_current_folder(model, photos, capsys, option):
    with pytest.raises(SystemExit, match="2"):
        paint(model, "--input", photos, option, "")
    assert f"{option}: the name is empty" in capsys.readouterr().err


def test_one_is_singular(model, photos, tmp_path, capsys):
    (tmp_path / "empty.jpg").touch()
    inputs = [photos / "trips" / "sea" / "d.bmp", tmp_path / "empty.jpg"]
    assert paint(model, "--input", *inputs, "--output", tmp_path / "images.zip") == 1
    captured = capsys.readouterr()
    assert "Wrote 1 picture to" in captured.out
    assert "skipped 1 picture:" in captured.err


def test_a_missing_model_is_one_sentence(photos, tmp_path, capsys):
    output = tmp_path / "images.zip"
    assert paint(tmp_path / "none.keras", "--input", photos, "--output", output) == 2
    assert_one_sentence(capsys.readouterr().err, "no generator at")
    assert not output.exists()


def assert_one_sentence(error, message):
    assert error.startswith("error: ") and error.count("\n") == 1, error
    assert re.search(message, error), error


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("name", ["images.zip", "painted"])
def test_an_interrupted_run_leaves_nothing_half_written(
    model, photos, tmp_path, monkeypatch, stop, name
):
    (tmp_path / "out").mkdir()
    encode = outputs.encode

    def encode_and_interrupt(image, picture_name, style):
        if picture_name.startswith("trips/"):
            os.kill(os.getpid(), stop)
        return encode(image, picture_name, style)

    monkeypatch.setattr(outputs, "encode", encode_and_interrupt)
    output = tmp_path / "out" / name
    assert paint(model, "--input", photos, "--output", output) == 128 + stop
    assert not (tmp_path / "out" / "images.zip").exists()
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".")]
    for path in (tmp_path / "out").rglob("*.*"):
        Image.open(path).load()


def test_an_interrupted_overwrite_leaves_the_old_archive(model, photos, tmp_path, monkeypatch):
    output = tmp_path / "images.zip"
    output.write_bytes(b"old")

    def interrupt(image, name, quality):
        raise KeyboardInterrupt

    monkeypatch.setattr(outputs, "encode", interrupt)
    assert paint(model, "--input", photos, "--output", output, "--overwrite") == 130
    assert output.read_bytes() == b"old"


def test_pictures_are_read_ahead_a_bounded_number(photos):
    from monet.inference import Painter
    from monet.inference.inputs import Picture
    from monet.inference.pipeline import paint_pictures

    images = keras.Input((None, None, 3))
    painter = Painter(keras.Model(images, keras.layers.Rescaling(1.0)(images)), batch_size=4)
    started = []

    def picture(index):
        def read():
            started.append(index)
            return np.full((8, 8, 3), index, np.uint8)

        return Picture(str(index), read)

    results = paint_pictures(painter, [picture(index) for index in range(200)], threads=2)
    for done, result in enumerate(results):
        assert (result.image == done).all()
        assert len(started) <= done + 2 * 4 + 2 * 2
    assert sorted(started) == list(range(200))


@pytest.mark.parametrize("log_level", [None, "2"])
def test_the_command_line_works_in_a_process_of_its_own(
    model, photos, tmp_path, monkeypatch, log_level
):
    if log_level is None:
        monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    else:
        monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", log_level)
    result = in_a_process(model, "--input", photos, "--output", tmp_path / "images.zip")
    assert result.returncode == 0, result.stderr
    assert "Wrote 6 pictures" in result.stdout and "images/s" in result.stdout
    assert result.stderr == ""


def test_help_is_quick_and_needs_no_tensorflow():
    program = "import sys; sys.modules['tensorflow'] = None; import monet.generate as g; g.main()"
    command = [sys.executable, "-c", program, "--help"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert "images.zip" in result.stdout


def test_to_the_letter_needs_a_run(model, photos, capsys):
    with pytest.raises(SystemExit, match="2"):
        paint(model, "--input", photos, "--faithful")
    assert "--faithful goes by the recipe of a run" in capsys.readouterr().err
