"""`python -m monet.explore` as its user meets it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monet import _plots, explore


@pytest.fixture
def data(tmp_path):
    """Paintings and photos with known colours, a copy, and two damaged files."""
    random = np.random.default_rng(0)
    for name in ("monet_jpg", "photo_jpg"):
        (tmp_path / "data" / name).mkdir(parents=True)
    for index in range(3):
        pixels = np.full((40, 60, 3), (10, 20, 30), np.uint8)
        pixels[: 10 * index + 1] = 200
        Image.fromarray(pixels).save(tmp_path / "data" / "monet_jpg" / f"{index}.png")
    for index in range(5):
        pixels = random.integers(0, 256, (32, 32 + index % 2, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "data" / "photo_jpg" / f"{index}.png")
    photos = tmp_path / "data" / "photo_jpg"
    Image.open(photos / "1.png").save(photos / "copy.bmp")
    (photos / "empty.jpg").touch()
    broken = bytearray((photos / "0.png").read_bytes())
    broken[500:600] = bytes(100)
    (photos / "broken.png").write_bytes(broken)
    return tmp_path / "data"


def report(data, out, *options):
    return explore.main(["--data", str(data), "--out", str(out), *map(str, options)])


def read_stats(out):
    return json.loads((out / "stats.json").read_text(encoding="utf-8"))


class Links(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.links = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.links += [value for name, value in attributes if name in ("src", "href")]


def test_the_numbers_are_right(data, tmp_path):
    assert report(data, tmp_path / "out") == 1
    stats = read_stats(tmp_path / "out")
    for domain, folder in (("paintings", "monet_jpg"), ("photos", "photo_jpg")):
        found = stats["domains"][domain]
        names = [path for path in (data / folder).iterdir() if path.stem not in ("empty", "broken")]
        pixels = np.concatenate([np.asarray(Image.open(path)).reshape(-1, 3) for path in names])
        assert found["pictures"] == len(names)
        np.testing.assert_allclose(found["channel_mean"], pixels.mean(axis=0), atol=1e-4)
        np.testing.assert_allclose(found["channel_std"], pixels.std(axis=0), atol=1e-4)
        assert found["pixel_mean"] == pytest.approx(pixels.mean(), abs=1e-4)
        assert found["pixel_std"] == pytest.approx(pixels.std(), abs=1e-4)
        assert found["histogram"]["blue"] == np.bincount(pixels[:, 2], minlength=256).tolist()
        assert sum(found["mean_intensity"]["pictures"]) == len(names)
        deviations = [np.asarray(Image.open(path)).std() for path in names]
        assert found["picture_std_mean"] == pytest.approx(np.mean(deviations), abs=1e-4)
        assert sum(found["picture_std"]["pictures"]) == len(names)
    photos = stats["domains"]["photos"]
    assert photos["sizes"] == [
        {"width": 32, "height": 32, "pictures": 3},
        {"width": 33, "height": 32, "pictures": 3},
    ]
    assert photos["width"] == [32, 33] and photos["height"] == [32, 32]
    assert {entry["name"] for entry in photos["unreadable"]} == {"empty.jpg", "broken.png"}
    assert stats["duplicates"]["exact"] == [["photos/1.png", "photos/copy.bmp"]]
    assert [folder["picture_files"] for folder in stats["folders"]] == [3, 8]


def test_the_page_shows_it_and_links_to_nothing_else(data, tmp_path, capsys):
    assert report(data, tmp_path / "out") == 1
    captured = capsys.readouterr()
    assert "exact: 1 group;" in captured.out and "index.html" in captured.out
    assert "2 unreadable" in captured.err and "empty.jpg: the file is empty" in captured.err
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    for text in ("photos/1.png, photos/copy.bmp", "broken.png", "3 paintings, chosen at random"):
        assert text in page
    assert not re.search(r"https?://|@import|url\(", page)
    for link in Links(page).links:
        assert link == "data:," or (tmp_path / "out" / link).is_file(), link


def test_the_page_opens_in_a_browser(data, tmp_path, open_in_browser):
    report(data, tmp_path / "out")
    found = open_in_browser(tmp_path / "out" / "index.html")
    assert found["problems"] == []
    assert {"paintings.png", "photos.png"} <= {name for name, _ in found["images"]}
    assert all(width > 0 for _, width in found["images"])
    assert all(request.startswith(("file:", "data:")) for request in found["requests"])


def test_a_domain_that_only_decoding_shows_to_be_damaged(data, tmp_path):
    for path in (data / "photo_jpg").iterdir():
        if path.name != "broken.png":
            path.unlink()
    assert report(data, tmp_path / "out") == 1
    photos = read_stats(tmp_path / "out")["domains"]["photos"]
    assert photos["pictures"] == 0 and photos["channel_mean"] == [None] * 3
    assert "broken.png" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


def test_names_that_are_not_utf8(data, tmp_path):
    photos = data / "photo_jpg"
    for name in (b"\xff.png", b"\xfe.png"):
        (photos / os.fsdecode(name)).write_bytes((photos / "0.png").read_bytes())
    assert report(data, tmp_path / "out") == 1
    (group,) = [g for g in read_stats(tmp_path / "out")["duplicates"]["exact"] if len(g) == 3]
    assert os.fsencode(group[2]) == b"photos/\xff.png"
    assert "photos/\ufffd.png" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


def test_plots(data, tmp_path):
    pytest.importorskip("matplotlib")
    report(data, tmp_path / "out")
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    names = "counts.png widths.png mean_intensity.png deviations.png channels.png".split()
    for name in names:
        assert f'src="{name}"' in page
        with Image.open(tmp_path / "out" / name) as plot:
            assert plot.width > 500 and np.asarray(plot.convert("RGB")).std() > 5


def test_what_the_data_show_is_said_in_words(data, tmp_path, capsys):
    report(data, tmp_path / "out")
    sentences = read_stats(tmp_path / "out")["insights"]
    assert len(sentences) == 3
    assert sentences[0].startswith("Paintings are darker than photos (mean level ")
    assert "cooler than photos (red is " in sentences[2]
    printed = capsys.readouterr().out
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert all(sentence in printed and sentence in page for sentence in sentences)


def test_without_matplotlib_everything_else_comes(data, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(_plots, "is_available", lambda: False)
    assert report(data, tmp_path / "out") == 1
    assert capsys.readouterr().out.count("pip install matplotlib") == 1
    found = {path.name for path in (tmp_path / "out").iterdir()}
    assert found == {"index.html", "stats.json", "paintings.png", "photos.png"}
    assert "pip install matplotlib" in (tmp_path / "out" / "index.html").read_text()


def test_the_same_data_make_the_same_report(data, tmp_path):
    report(data, tmp_path / "one")
    report(data, tmp_path / "two")
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_tfrecords_that_are_not_read_are_told(tmp_path, data, capsys):
    (data / "monet_jpg" / "monet00-2.tfrec").touch()
    explore.main(["--data", str(data), "--out", str(tmp_path / "out")])
    assert "1 TFRecord file: only the former are read" in capsys.readouterr().err


def test_tfrecords_are_counted_and_their_features_named(tmp_path, data):
    import tensorflow as tf

    (data / "monet_tfrec").mkdir()
    with tf.io.TFRecordWriter(str(data / "monet_tfrec" / "monet00-2.tfrec")) as writer:
        for path in sorted((data / "monet_jpg").iterdir())[:2]:
            features = {"image": path.read_bytes(), "image_name": b"name", "target": b"monet"}
            features = {
                key: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
                for key, value in features.items()
            }
            features = tf.train.Features(feature=features)
            writer.write(tf.train.Example(features=features).SerializeToString())
    report(data, tmp_path / "out")
    (entry,) = [f for f in read_stats(tmp_path / "out")["folders"] if f["folder"] == "monet_tfrec"]
    assert entry["records"] == 2 and entry["tfrecord_files"] == 1
    assert entry["features"] == ["image", "image_name", "target"]


def test_two_folders_and_a_cyclegan_dataset(data, tmp_path):
    options = ["--painting-dir", data / "monet_jpg", "--photo-dir", data / "photo_jpg"]
    assert explore.main([*map(str, options), "--out", str(tmp_path / "one")]) == 1
    (data / "monet_jpg").rename(data / "trainA")
    (data / "photo_jpg").rename(data / "trainB")
    assert report(data, tmp_path / "two") == 1
    one, two = read_stats(tmp_path / "one"), read_stats(tmp_path / "two")
    assert one["domains"]["photos"]["histogram"] == two["domains"]["photos"]["histogram"]
    assert [folder["folder"] for folder in two["folders"]] == ["trainA", "trainB"]


def test_without_data_the_sample_set_is_reported_on(tmp_path):
    assert explore.main(["--out", str(tmp_path / "out")]) == 0
    stats = read_stats(tmp_path / "out")
    assert [folder["folder"] for folder in stats["folders"]] == ["monet_jpg", "photo_jpg"]
    assert [folder["picture_files"] for folder in stats["folders"]] == [24, 48]


@pytest.mark.parametrize(
    "options, message",
    [
        (["--data", "nowhere"], "nowhere doesn't exist"),
        (["--data", "{empty}"], "is not a dataset"),
        (["--painting-dir", "{data}/monet_jpg"], "photo folder is missing"),
        (["--data", "{data}", "--photo-dir", "{data}/photo_jpg"], "not both"),
        (["--data", "{data}", "--out", "{data}"], "is not empty; give --out another name"),
        (["--data", "{data}", "--out", "{data}/monet_jpg/0.png"], "is not a folder"),
        (["--data", "{data}", "--out", "{data}/photo_jpg/report"], "is inside .*photo_jpg, where"),
        (["--data", "{data}", "--out", "{data}/monet_jpg/0.png/x"], "can't write|is inside"),
    ],
)
def test_mistakes_are_one_sentence_and_write_nothing(data, tmp_path, capsys, options, message):
    (tmp_path / "empty").mkdir()
    before = sorted(tmp_path.rglob("*"))
    options = [option.format(data=data, empty=tmp_path / "empty") for option in options]
    if "--out" not in options:
        options += ["--out", str(tmp_path / "out")]
    assert explore.main(options) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1, error
    assert re.search(message, error), error
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_report_leaves_nothing(data, tmp_path, monkeypatch, stop):
    from monet.exploration import report as module

    monkeypatch.setattr(module, "page_html", lambda *_, **__: os.kill(os.getpid(), stop) or "")
    assert report(data, tmp_path / "out") == 128 + stop
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_what_is_no_picture_file_is_named_and_nothing_waits_for_it(data, tmp_path, capsys, in_time):
    photos = data / "photo_jpg"
    os.mkfifo(photos / "fifo.jpg")
    (photos / "loop.jpg").symlink_to("loop.jpg")
    (photos / "nowhere.jpg").symlink_to("nothing.jpg")
    (photos / "esc\x1b[2J\u202eape.jpg").touch()
    assert in_time(lambda: report(data, tmp_path / "out")) == 1
    stats = read_stats(tmp_path / "out")
    reasons = {e["name"]: e["reason"] for e in stats["domains"]["photos"]["unreadable"]}
    assert reasons["fifo.jpg"] == "not a regular file"
    assert reasons["nowhere.jpg"] == "No such file or directory"
    assert reasons["loop.jpg"].startswith("Too many levels of symbolic links")
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_long_strip_takes_no_more_memory_than_its_pixels(data, tmp_path):
    Image.new("RGB", (60_000, 1)).save(data / "photo_jpg" / "strip.png")
    Image.new("RGB", (1, 60_000)).save(data / "monet_jpg" / "strip.png")
    program = "import monet.explore as e; "
    program += f"e.main(['--data', {str(data)!r}, '--out', {str(tmp_path / 'out')!r}]); "
    # Not ru_maxrss, which counts what the process was forked from.
    program += "print(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    kilobytes = int(done.stdout.split()[-1])
    assert kilobytes < 500_000, done.stderr
    assert read_stats(tmp_path / "out")["domains"]["photos"]["width"][1] == 60_000


def test_it_needs_no_tensorflow(data, tmp_path):
    program = "import sys; sys.modules['tensorflow'] = None; import monet.explore as e; "
    program += f"sys.exit(e.main(['--data', {str(data)!r}, '--out', {str(tmp_path / 'out')!r}]))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    assert done.returncode == 1, done.stderr
    assert "Report" in done.stdout
