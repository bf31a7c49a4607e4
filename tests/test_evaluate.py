"""`python -m monet.evaluate` as its user meets it."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
from PIL import Image

from monet import evaluate
from monet.data.images import encode_png
from monet.inference import load_generator
from monet.runs import evaluation_page
from monet.runs.data_location import DataLocation
from monet.runs.judging import Judging
from monet.runs.run_folder import RunFolder
from monet.runs.settings import Settings
from monet.systems import get_recipe

SIDE = 32


def picture(random, kind):
    """Noise in one of two looks, uint8 [SIDE, SIDE, 3]: fine and grey, or coarse and red."""
    side = SIDE if kind == "photo" else SIDE // 4
    pixels = random.integers(0, 256, (side, side, 3), dtype=np.uint8)
    image = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    array = np.array(image)
    if kind == "painting":
        array[..., 1:] //= 2
    return array


def write_pictures(folder, kind, number, seed=0):
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    for index in range(number):
        Image.fromarray(picture(random, kind)).save(folder / f"{index:03}.png")
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A dataset, an extractor, a zip of paintings, a folder of photos and two runs."""
    place = tmp_path_factory.mktemp("evaluate")
    write_pictures(place / "data" / "monet_jpg", "painting", 40, seed=1)
    write_pictures(place / "data" / "photo_jpg", "photo", 60, seed=2)
    write_pictures(place / "more photos", "photo", 40, seed=3)
    random = np.random.default_rng(4)
    with zipfile.ZipFile(place / "images.zip", "w") as archive:
        for index in range(40):
            archive.writestr(f"{index}.png", encode_png(picture(random, "painting")))
    keras.utils.set_random_seed(0)
    keras.Sequential(
        [
            keras.Input((None, None, 3)),
            keras.layers.Rescaling(1 / 127.5, offset=-1),
            keras.layers.Conv2D(8, 3, strides=2, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
        ]
    ).save(place / "extractor.keras")
    for name, gain in (("copies", 1.0), ("inverts", -1.0)):
        run = RunFolder.create(place / name, {"recipe": {"system": "cyclegan"}})
        for epoch in 1, 2:
            run.append_history({"epoch": epoch, "photo_cycle_loss": 1 / epoch})
        photos = keras.Input((None, None, 3))
        painted = keras.layers.Rescaling(gain, dtype="float32")(photos)
        run.save_generator(keras.Model(photos, painted), epoch=2)
    latents = keras.Input((4,))
    pixels = keras.layers.Dense(SIDE * SIDE * 3, activation="tanh")(latents)
    painted = keras.layers.Reshape((SIDE, SIDE, 3), dtype="float32")(pixels)
    keras.Model(latents, painted).save(place / "noise.keras")
    return place


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def judge(place, out, *options, code=0):
    """Runs the command; returns its report by name of the set."""
    options = ["--data", place / "data", "--size", SIDE, "--output", out, *options]
    assert evaluate.main(list(map(str, options))) == code
    report = json.loads(out.read_text(encoding="utf-8"))
    return report, {result["name"]: result for result in report["results"]}


def test_paintings_are_near_and_photos_far(place, tmp_path, capsys):
    extractor = ("--extractor", place / "extractor.keras")
    inputs = ("--input", place / "images.zip", place / "more photos")
    report, results = judge(place, tmp_path / "r.json", *extractor, *inputs)
    near, far = results["images.zip"]["gap_closed"], results["more photos"]["gap_closed"]
    for metric in "fid", "kid", "swd":
        for gap, expected in ((near, 1), (far, 0)):
            error = gap[metric]["standard_error"]
            assert 0 < error < 0.25
            assert gap[metric]["value"] == pytest.approx(expected, abs=3 * error)
        split = results["other half of the paintings"]["same_size"][metric]
        photos = results["photos"]["same_size"][metric]
        assert split["value"] + 4 * split["standard_error"] < photos["value"]
        assert (split["pictures"], split["paintings"]) == (photos["pictures"], photos["paintings"])
        assert len(split["draws"]) == 10
    printed = capsys.readouterr().out
    assert "extractor.keras" in printed and "FID" in printed and "MiFID" not in printed


def test_every_figure_says_what_it_is_of(place, tmp_path):
    report, results = judge(
        place,
        tmp_path / "r.json",
        *("--extractor", place / "extractor.keras", "--input", place / "images.zip"),
        *("--count", 24),
    )
    assert report["extractor"]["name"] == "extractor.keras"
    assert report["same_size"] | {"reference": 20, "pictures": 12} == report["same_size"]
    figures = [
        (metric, figure)
        for result in results.values()
        for part in ("same_size", "all")
        for metric, figure in result.get(part, {}).items()
    ]
    assert len(figures) == 3 * 3 + 2 * 4
    for metric, figure in figures:
        assert figure["size"] == SIDE
        assert figure["pictures"] in (12, 24) and figure["paintings"] in (20, 40)
        has_extractor = metric != "swd"
        assert (figure["extractor"] == "extractor.keras") == has_extractor
        assert bool(figure["extractor_sha256"]) == has_extractor


def test_without_an_extractor_there_are_patches(place, tmp_path, capsys):
    _, results = judge(place, tmp_path / "r.json", "--input", place / "images.zip")
    assert set(results["images.zip"]["same_size"]) == {"swd"}
    assert results["images.zip"]["gap_closed"]["swd"]["value"] > 0.7
    assert "need an extractor" in capsys.readouterr().out


def test_a_run_is_judged_by_what_it_paints(place, tmp_path):
    """One that gives photos back as they are is exactly as far as these, another isn't."""
    runs = ("--run", place / "copies", place / "inverts" / "generator.keras")
    extractor = ("--extractor", place / "extractor.keras")
    _, results = judge(place, tmp_path / "r.json", *runs, *extractor)
    for part in "same_size", "all":
        for metric, figure in results["photos"][part].items():
            assert results["copies, last (epoch 2)"][part][metric]["value"] == pytest.approx(
                figure["value"]
            )
            assert results["generator.keras"][part][metric]["value"] != figure["value"]
    assert results["copies, last (epoch 2)"]["gap_closed"]["fid"]["value"] == pytest.approx(0)


@pytest.fixture
def trained(place, tmp_path):
    """Makes runs that were trained on the dataset."""

    def make(name, **changes):
        fields = {
            "recipe": get_recipe("cyclegan").replace(steps_per_epoch=1),
            "location": DataLocation(data=place / "data"),
            "paintings": 40,
            "photos": 60,
            "seed": 3,
            "policy": "float32",
            "sample_every": 1,
            "checkpoint_minutes": 10.0,
        }
        settings = Settings(**{**fields, **changes})
        run = RunFolder.create(tmp_path / name, settings.to_record())
        photos = keras.Input((None, None, 3))
        for epoch, gain in enumerate((0.2, 0.4, 0.8), start=1):
            painted = keras.layers.Rescaling(gain, dtype="float32")(photos)
            run.save_generator(keras.Model(photos, painted), epoch)
            if epoch < 3:
                run.keep_generator(epoch)
        return run

    return make


HELD_OUT = tuple(range(5, 21))


def test_a_run_is_judged_on_photos_that_it_has_kept_out(place, trained, tmp_path, capsys):
    kept_out = trained("kept-out", judging=Judging(every=1, held_out=HELD_OUT, size=SIDE))
    plain = trained("plain")
    options = ("--run", kept_out.path, plain.path)
    report, results = judge(place, tmp_path / "r.json", *options)
    assert report["photos"]["pictures"] == len(HELD_OUT)
    ours = results["kept-out, last (epoch 3)"]
    assert ours["photos"] == {"judged": 16, "trained_on": 0, "chosen_with": 16}
    assert ours["generator"] == {
        "of": str(kept_out.path),
        "file": "generator.keras",
        "choice": "last",
        "epoch": 3,
    }
    assert results["plain, last (epoch 3)"]["photos"]["trained_on"] == 16
    printed = capsys.readouterr().out
    assert (
        "kept-out: it was trained on none of the 16, but its best generator was chosen with 16"
        in printed
    )
    assert "plain: it was trained on all of the 16, which may flatter it" in printed
    assert printed.count("unseen") == printed.count(" trained on\n") == 1


def test_a_run_is_judged_by_its_own_data_and_told_from_others(place, trained, tmp_path, capsys):
    options = ["--run", str(trained("plain").path), "--size", str(SIDE)]
    assert evaluate.main([*options, "--output", str(tmp_path / "r.json")]) == 0
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["photos"]["pictures"] == 60 and report["paintings"]["pictures"] == 40
    assert report["results"][-1]["photos"]["trained_on"] == 60
    others = ["--painting-dir", place / "data" / "monet_jpg", "--photo-dir", place / "more photos"]
    assert evaluate.main([*options, *map(str, others)]) == 0
    assert "plain: it isn't known whether it was trained on them" in capsys.readouterr().out


def test_every_checkpoint_shows_how_the_quality_came_on(place, trained, tmp_path):
    run = trained("run")
    run.save_best_generator(load_generator(run.path), {"epoch": 2.5, "metric": "SWD"})
    options = ("--run", run.path, "--every-checkpoint", "--html", tmp_path / "page")
    report, results = judge(place, tmp_path / "r.json", *options)
    epochs = [result["generator"]["epoch"] for result in report["results"][2:]]
    assert epochs == [1, 2, 2.5, 3]
    assert list(results)[2:] == [
        "run, epoch 1",
        "run, epoch 2",
        "run, best (epoch 2.5)",
        "run, last (epoch 3)",
    ]
    swd = [result["same_size"]["swd"]["value"] for result in report["results"][2:]]
    assert swd[2] == swd[3] and len(set(swd)) == 3, "the best here is a copy of the last"
    page = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    chart = page[page.index("Over the training") :].split("</section>")[0]
    assert chart.count("<svg") == 1 and chart.count('class="line ') == 3
    for epoch in epochs:
        assert f"epoch {epoch:g}: run" in chart


def test_runs_of_one_folder_name_are_told_apart(place, trained, tmp_path):
    runs = [trained(f"{folder}/run") for folder in ("a", "b")]
    for run, loss in zip(runs, (0.5, 0.25), strict=True):
        run.append_history({"epoch": 1, "photo_cycle_loss": loss})
    images = tmp_path / "c" / "images.zip"
    images.parent.mkdir()
    images.write_bytes((place / "images.zip").read_bytes())
    options = ["--run", *(run.path for run in runs), "--every-checkpoint"]
    options += ["--input", place / "images.zip", images, "--html", tmp_path / "page"]
    _, results = judge(place, tmp_path / "r.json", *options)
    assert {"a/run, epoch 1", "b/run, epoch 1", "c/images.zip"} <= set(results)
    page = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    chart = page[page.index("Over the training") :].split("</section>")[0]
    curves = page[page.index("Curves") :].split("</section>")[0]
    for name in ("a/run", "b/run"):
        assert f"epoch 2: {name}" in chart
        assert f"epoch 1: {name}" in curves


def test_paintings_from_noise_need_no_photos(place, tmp_path, capsys):
    options = ["--painting-dir", place / "data" / "monet_jpg", "--size", SIDE, "--count", 10]
    options += ["--output", tmp_path / "r.json", "--run"]
    assert evaluate.main(list(map(str, [*options, place / "noise.keras"]))) == 0
    _, found = json.loads((tmp_path / "r.json").read_text())["results"]
    assert (found["name"], found["pictures"]) == ("noise.keras", 10)
    assert evaluate.main(list(map(str, [*options, place / "copies", "--overwrite"]))) == 2
    assert "needs photos; give --photo-dir" in capsys.readouterr().err


def test_the_page_links_to_what_is_there(place, tmp_path):
    runs = ("--run", place / "copies", place / "inverts")
    judge(place, tmp_path / "r.json", *runs, "--html", tmp_path / "page")
    text = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    links = re.findall(r'src="([^"]+)"', text)
    assert len(links) == 3 * 8
    assert all((tmp_path / "page" / link).is_file() for link in links)
    assert "gap closed, SWD" in text and text.count("<svg") == 1


def test_the_page_shows_runs_side_by_side(place, tmp_path, open_in_browser):
    runs = ("--run", place / "copies", place / "inverts")
    judge(place, tmp_path / "r.json", *runs, "--html", tmp_path / "page")
    found = open_in_browser(
        tmp_path / "page" / "index.html",
        "return [...document.querySelectorAll('.pictures tr')].map(row => row.textContent)"
        ".concat([...document.querySelectorAll('svg')].map(svg => svg.ariaLabel));",
    )
    assert not found["problems"]
    assert found["result"][:3] == ["photos", "copies, last (epoch 2)", "inverts, last (epoch 2)"]
    assert any("cycle" in label.lower() for label in found["result"][3:])
    assert len(found["images"]) == 3 * 8 and all(width == SIDE for _, width in found["images"])


def test_the_rows_of_the_page_have_the_same_photos(place, tmp_path):
    runs = ("--run", place / "copies", place / "inverts")
    judge(place, tmp_path / "r.json", *runs, "--html", tmp_path / "page")
    photos, copies, inverts = (
        np.asarray(Image.open(tmp_path / "page" / "pictures" / f"{row}_5.jpg"), np.int16)
        for row in range(3)
    )
    np.testing.assert_array_equal(photos, copies)
    assert np.abs(photos - (255 - inverts)).mean() < 3


def test_features_are_kept_and_used(place, tmp_path, cache):
    options = ("--extractor", place / "extractor.keras", "--input", place / "images.zip")
    first, _ = judge(place, tmp_path / "first.json", *options, "--no-cache")
    assert not cache.exists()
    judge(place, tmp_path / "second.json", *options)
    assert len(list(cache.rglob("*.npy"))) == 40 + 60 + 40
    third, _ = judge(place, tmp_path / "third.json", *options)
    for one, other in zip(first["results"], third["results"], strict=True):
        for metric, figure in one["same_size"].items():
            # The KID of paintings is next to 0, where a relative error means nothing.
            expected = pytest.approx(figure["value"], rel=1e-4, abs=1e-7)
            assert other["same_size"][metric]["value"] == expected


def test_paintings_alone_are_enough(place, tmp_path, capsys):
    options = ["--painting-dir", place / "data" / "monet_jpg", "--input", place / "images.zip"]
    options += ["--size", SIDE, "--output", tmp_path / "r.json"]
    assert evaluate.main(list(map(str, options))) == 0
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["photos"] is None
    assert [result["kind"] for result in report["results"]] == ["paintings", "yours"]
    assert "gap closed" not in capsys.readouterr().out


def test_picture_files_are_one_set_and_damage_is_counted(place, tmp_path, capsys):
    files = sorted((place / "more photos").iterdir())[:9]
    (tmp_path / "damaged.png").write_bytes(b"no picture")
    inputs = ("--input", *files, tmp_path / "damaged.png")
    _, results = judge(place, tmp_path / "r.json", *inputs, code=1)
    found = results["10 picture files"]
    assert (found["pictures"], found["unreadable"]) == (9, 1)
    assert "1 of 10 picture files" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--input", "nowhere"], "there is no picture, archive or folder nowhere"),
        (["--input", "{place}/copies"], "is a training run; give it by --run"),
        (["--run", "{place}/data"], "is not a training run; give the folder that"),
        (["--run", "{place}/none.keras"], "there is no generator at"),
        (["--run", "{place}/copies", "--generator", "best"], "has no generator-best.keras"),
        (["--input", "{place}/images.zip", "--extractor", "none.keras"], "no extractor none.keras"),
        (["--input", "{place}/images.zip", "--weights", "none.pb"], "no file none.pb"),
        (["--input", "{place}/images.zip", "--output", "{place}/images.zip"], "exists; give"),
        (["--input", "{place}/images.zip", "--html", "{place}"], "is not empty"),
    ],
)
def test_mistakes_are_one_sentence(place, capsys, options, message):
    options = ["--data", str(place / "data"), "--size", "32"] + [
        option.format(place=place) for option in options
    ]
    assert evaluate.main(options) == 2
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error


def test_a_disk_that_gets_full_leaves_no_half_a_page(place, tmp_path, monkeypatch, capsys):
    def full(path, text):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(evaluation_page, "write_text", full)
    found, page = tmp_path / "found.json", tmp_path / "page"
    judge(place, found, "--input", place / "images.zip", "--html", page, code=2)
    assert f"error: can't write {page}: No space left on device." in capsys.readouterr().err
    assert not page.exists() and not list(tmp_path.glob(".*"))


def test_nothing_to_judge(capsys):
    with pytest.raises(SystemExit):
        evaluate.main([])
    assert "--run or --input" in capsys.readouterr().err


def test_help_needs_no_tensorflow():
    code = (
        "import sys; sys.argv = ['x', '--help']\nimport monet.evaluate\n"
        "try: monet.evaluate.main()\nexcept SystemExit: pass\n"
        "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.search(r"--count N.*\(default:\s+500\)", done.stdout, re.DOTALL)
