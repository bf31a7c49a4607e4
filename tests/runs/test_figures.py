"""The figures of a run: cut from its sheets, drawn from its history, linked from its page."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from monet import _plots
from monet.data import encode_jpeg
from monet.runs import open as open_run
from monet.runs.figures import draw_figures, epochs_of_a_strip
from monet.runs.gallery import gallery_html
from monet.runs.run_folder import RunFolder
from monet.systems.sheets.columns import ColumnSheet
from monet.systems.sheets.noise import NoiseSheet

SIDE, PHOTOS = 128, 3
HEAD, STEP = 24, SIDE + 4  # of the figures


class Sheet(ColumnSheet):
    """Paints everything in the same level of grey."""

    rows = 2

    def column(self, model, image, is_photo):
        return [image, np.full_like(image, model)]


@pytest.fixture
def run(tmp_path):
    return folder_of(tmp_path / "run", "cyclegan", photo_sheet())


def folder_of(path, system, sheet):
    recipe = {"system": system, "name": system, "epochs": 5}
    config = {"description": "pictures", "recipe": recipe, "samples": sheet.layout}
    return RunFolder.create(path, config)


def photo_sheet():
    levels = np.linspace(-1, 1, PHOTOS)[:, None, None, None]
    photos = np.broadcast_to(levels, [PHOTOS, SIDE, SIDE, 3]).astype(np.float32)
    return Sheet(photos, photos[:1])


def level(epoch):
    return epoch / 10 - 1


def finish_epochs(run, *epochs):
    for epoch in epochs:
        run.save_sample(epoch, encode_jpeg(photo_sheet().draw(level(epoch))))
        if epoch:
            run.append_history({"epoch": epoch, "painting_generator_loss": 1 / epoch})


def cell_of(path, row, column, above=HEAD):
    """The mean level of a picture in a figure, and how much it varies."""
    pixels = np.asarray(Image.open(path).convert("RGB"), float)
    top, left = above + row * STEP, column * STEP
    cell = pixels[top : top + SIDE, left : left + SIDE]
    return cell.mean(), cell.std()


@pytest.mark.parametrize(
    "epochs, shown",
    [
        ([], []),
        ([0], [0]),
        (range(4), [0, 1, 2, 3]),
        (range(7), [0, 2, 4, 6]),
        (range(0, 146, 5), [25, 55, 85, 115, 145]),  # too few 50th epochs
        (range(151), [50, 100, 150]),
        (range(0, 216, 5), [50, 100, 150, 200, 215]),
        (range(0, 600, 7), [0, 119, 238, 357, 476, 595]),  # a single 50th epoch
        (range(0, 1001, 50), list(range(100, 1001, 100))),
    ],
)
def test_every_50th_epoch_is_shown_or_some_evenly_spaced(epochs, shown):
    assert epochs_of_a_strip(list(epochs)) == shown


def test_a_strip_has_a_column_for_each_epoch_and_pairs_are_of_the_last(run):
    finish_epochs(run, 0, 1, 2, 20)
    figures = {path.name: path for path in draw_figures(run)}
    with Image.open(figures["epochs.png"]) as strip:
        assert strip.size == (5 * STEP - 4, HEAD + PHOTOS * STEP - 4)
    for row in range(PHOTOS):
        assert cell_of(figures["epochs.png"], row, 0) == pytest.approx((127.5 * row, 0), abs=1)
        for column, epoch in enumerate((0, 1, 2, 20), start=1):
            expected = (level(epoch) + 1) * 127.5
            found = cell_of(figures["epochs.png"], row, column)
            assert found == pytest.approx((expected, 0), abs=1), (row, epoch)
        assert cell_of(figures["pairs.png"], row, 0) == pytest.approx((127.5 * row, 0), abs=1)
        assert cell_of(figures["pairs.png"], row, 1) == pytest.approx((255, 0), abs=1)
    with Image.open(figures["pairs.png"]) as pairs:
        heads = np.asarray(pairs)[:HEAD]
        assert heads[:, :SIDE].min() < 100 and heads[:, STEP:].min() < 100, "words stand there"


def test_of_noise_the_grid_is_kept_and_has_a_strip(tmp_path):
    class Model:
        @staticmethod
        def generator(latents, training):
            levels = np.linspace(-1, 1, len(latents))[:, None, None, None]
            return np.broadcast_to(levels, [len(latents), SIDE, SIDE, 3]).astype(np.float32)

    sheet = NoiseSheet(np.zeros((2, SIDE, SIDE, 3), np.float32), 8, 0)
    run = folder_of(tmp_path / "noise", "dcgan", sheet)
    for epoch in (0, 1):
        run.save_sample(epoch, encode_jpeg(sheet.draw(Model)))
    figures = {path.name: path for path in draw_figures(run)}
    assert set(figures) == {"latents.png", "epochs.png"}
    for index in range(16):
        expected = (index / 15 * 255, 0)
        assert cell_of(figures["latents.png"], *divmod(index, 4), above=0) == pytest.approx(
            expected, abs=1
        )
    with Image.open(figures["epochs.png"]) as strip:
        assert strip.size == (2 * STEP - 4, HEAD + 4 * STEP - 4)


def test_all_curves_of_the_page_are_in_one_picture(run):
    pytest.importorskip("matplotlib")
    finish_epochs(run, 1, 2)
    run.append_history({"epoch": 3, "painting_generator_loss": float("nan"), "swd": 0.5})
    (curves,) = (path for path in draw_figures(run) if path.name == "curves.png")
    with Image.open(curves) as picture:
        width, height = picture.size
        halves = [
            picture.convert("RGB").crop(box)
            for box in ((0, 0, width // 2, height), (width // 2, 0, width, height))
        ]
    for half in halves:  # two charts, side by side: generators and SWD
        colours = np.asarray(half).reshape(-1, 3).astype(int)
        blue = (np.abs(colours - (0x2F, 0x6F, 0xB0)).sum(axis=1) < 60) | (
            np.abs(colours - (0xC9, 0x70, 0x2B)).sum(axis=1) < 60
        )
        assert blue.sum() > 5


def test_without_matplotlib_the_pictures_come_and_old_curves_go(run, monkeypatch):
    finish_epochs(run, 0, 1)
    run.figures_dir.mkdir()
    (run.figures_dir / "curves.png").touch()
    monkeypatch.setattr(_plots, "is_available", lambda: False)
    assert [path.name for path in draw_figures(run)] == ["epochs.png", "pairs.png"]
    assert not (run.figures_dir / "curves.png").exists()


def test_a_run_without_sheets_or_with_damaged_ones_has_what_there_is(run, monkeypatch):
    monkeypatch.setattr(_plots, "is_available", lambda: False)
    assert draw_figures(run) == []
    finish_epochs(run, 0, 1, 2)
    run.sample_path(1).write_bytes(run.sample_path(1).read_bytes()[:500])
    Image.new("RGB", (30, 20)).save(run.sample_path(2))
    (strip,) = draw_figures(run)
    with Image.open(strip) as picture:
        assert picture.size[0] == 2 * STEP - 4  # the originals and epoch 0


def test_the_page_links_to_the_figures_that_there_are(run):
    finish_epochs(run, 0, 1)
    assert "As files:" not in gallery_html(run)
    drawn = open_run(run.path).draw_figures()
    html = gallery_html(run)
    assert {f'href="figures/{path.name}"' for path in drawn} <= set(
        part.partition(">")[0] for part in html.split("<a ")
    )
    assert html.count('href="figures/') == len(drawn) >= 2
