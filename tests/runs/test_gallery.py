"""The gallery page: what it shows, and that it stands on its own."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import pytest
from PIL import Image

from monet._page import page
from monet.runs.charts import charts, curves_of
from monet.runs.gallery import FINISHED, RUNNING, STOPPED, gallery_html, write_gallery
from monet.runs.line_chart import STYLE, line_chart, ticks
from monet.runs.run_folder import RunFolder
from monet.systems import SYSTEMS

CONFIG = {
    "description": "3 <paintings> & 4 photos",
    "recipe": {"system": "cyclegan", "name": "cyclegan", "epochs": 5, "learning_rate": 2e-4},
    "samples": {"width": 660, "height": 392, "cell": 128, "photos": 4, "paintings": 1},
}
VOID = {"meta", "link", "img", "input"}


class Page(HTMLParser):
    """Collects links and checks that elements are closed in order."""

    def __init__(self, html):
        super().__init__()
        self.links, self.open = [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.links += [value for name, value in attributes if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        pass  # SVG's own

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def run(tmp_path):
    return RunFolder.create(tmp_path / "run <1>", CONFIG)


def finish_epoch(run, epoch, **losses):
    run.sample_path(epoch).touch()
    run.append_history({"epoch": epoch, **losses})


def test_a_new_run_has_a_page(run):
    html = gallery_html(run)
    assert "0 of 5 epochs" in html and "No samples yet" in html
    assert not Page(html).open


def test_the_page_shows_every_sample_curve_and_setting(run):
    run.sample_path(0).touch()
    finish_epoch(run, 1, cycle_loss=0.5, painting_generator_loss=3.25)
    finish_epoch(run, 2, cycle_loss=0.25, painting_generator_loss=3.125)
    write_gallery(run)
    html = run.gallery_path.read_text(encoding="utf-8")
    page = Page(html)
    assert not page.open
    for epoch in range(3):
        assert f"samples/epoch_{epoch:04d}.jpg" in page.links
    assert "before training" in html and "2 of 5 epochs" in html
    assert html.count("<svg") == 1, "the sum of both directions is in no chart"
    assert "epoch 2: to painting 3.125" in html
    assert "recipe.learning_rate" in html and "0.0002" in html


def test_a_running_page_reads_itself_again_and_says_how_the_run_is(run):
    for state in (RUNNING, STOPPED, FINISHED):
        write_gallery(run, state)
        html = run.gallery_path.read_text(encoding="utf-8")
        assert ('http-equiv="refresh"' in html) == (state == RUNNING)
        assert f"· {state} (" in html
        assert not Page(html).open


def test_the_page_shows_what_came_inside_an_epoch(run):
    finish_epoch(run, 1, painting_cycle_loss=0.5)
    run.save_sample(1.25, b"sheet")
    run.append_history({"epoch": 1.25, "painting_cycle_loss": 0.25, "swd": 0.125})
    html = gallery_html(run)
    assert "samples/interim_1.2500.jpg" in Page(html).links and "epoch 1.25" in html
    assert "1.25 of 5 epochs" in html and "epoch 1.25: painting → photo → painting 0.25" in html
    assert "SWD" in html
    run.save_sample(2, b"sheet")
    assert "interim" not in gallery_html(run), "the sheet of an epoch takes its place"


def test_long_lists_of_settings_are_counted(run):
    run.write_config({**CONFIG, "judging": {"held_out": list(range(150)), "size": 256}})
    html = gallery_html(run)
    assert "150 numbers" in html and "149" not in html


@pytest.mark.parametrize("rows, share", [(2, 100.0), (3, 50.0), (4, 33.33)])
def test_a_strip_shows_the_second_row_of_any_sheet(run, rows, share):
    layout = {**CONFIG["samples"], "height": rows * 132 - 4}
    run.write_config({**CONFIG, "samples": layout})
    finish_epoch(run, 1)
    assert f"--second-row:{share}%" in gallery_html(run)


def test_the_page_needs_no_network_and_every_link_resolves(run):
    finish_epoch(run, 1, cycle_loss=0.5)
    html = gallery_html(run)
    assert not re.search(r"https?://|@import|url\(", html)
    for link in Page(html).links:
        assert link == "data:," or (run.path / link).is_file(), link


def test_the_page_works_in_a_browser(run, open_in_browser):
    for epoch in range(3):
        sheet = Image.new("RGB", (660, 392), (80 * epoch, 0, 0))
        sheet.save(run.sample_path(epoch))
        if epoch:
            run.append_history(
                {"epoch": epoch, "photo_cycle_loss": 0.5, "photo_discriminator_loss": 0.1}
            )
    write_gallery(run)
    found = open_in_browser(
        run.gallery_path,
        script="""
            const slider = document.getElementById("slider");
            const shown = [];
            for (const place of [0, 1, 2]) {
              slider.value = place;
              slider.dispatchEvent(new Event("input"));
              const sheet = document.getElementById("sheet");
              shown.push([sheet.getAttribute("src"), document.getElementById("epoch").value]);
            }
            const strips = [...document.querySelectorAll(".strips th")].map(cell => cell.innerText);
            const charts = [...document.querySelectorAll("svg")].map(svg => svg.clientWidth);
            const overflows = document.body.scrollWidth > innerWidth;
            return {shown, strips, charts, overflows};
        """,
    )
    assert found["problems"] == []
    assert all(request.startswith("file:") for request in found["requests"])
    assert len(found["images"]) == 5 and all(width == 660 for _, width in found["images"])
    assert found["result"]["shown"] == [
        ["samples/epoch_0000.jpg", "before training"],
        ["samples/epoch_0001.jpg", "epoch 1"],
        ["samples/epoch_0002.jpg", "epoch 2"],
    ]
    assert found["result"]["strips"] == ["input", "epoch 2", "epoch 1", "before training"]
    assert len(found["result"]["charts"]) == 2 and min(found["result"]["charts"]) > 100
    assert not found["result"]["overflows"]


def test_texts_are_escaped(run):
    html = gallery_html(run)
    assert "run &lt;1&gt;" in html and "3 &lt;paintings&gt; &amp; 4 photos" in html
    assert "<paintings>" not in html


def svg_of(figure):
    return ElementTree.fromstring(re.search(r"<svg.*</svg>", figure)[0])


def test_a_chart_is_well_formed_and_inside_its_frame():
    figure = line_chart("Cycle & co", {"a": [(1, 3.0), (2, 1.0), (3, 2.0)], "b": [(1, 9.0)]})
    svg = svg_of(figure)
    _, _, width, height = map(float, svg.get("viewBox").split())
    circles = svg.findall("circle")
    assert len(circles) == 4
    for circle in circles:
        assert 0 < float(circle.get("cx")) < width and 0 < float(circle.get("cy")) < height
    heights = [float(circle.get("cy")) for circle in circles[:3]]
    assert heights[1] > heights[2] > heights[0], "larger values are higher up"


def test_every_line_of_a_chart_has_a_colour():
    figure = line_chart("many", {str(number): [(1, number), (2, 0)] for number in range(9)})
    classes = set(re.findall(r"line-\d+", figure))
    assert len(classes) > 4 and all(f".{each} {{" in STYLE for each in classes)
    assert all(f"--{each}: #" in page("any", "", "") for each in classes)


def test_charts_say_what_pictures_were_judged():
    history = [{"epoch": 1, "fid": 100.0}]
    lines = [charts(history, curves_of(SYSTEMS[name]))["FID"] for name in ("cyclegan", "dcgan")]
    photos, noise = ("".join(line) for line in lines)
    assert "photos" in photos and "photos" not in noise and "noise" in noise


@pytest.mark.parametrize("values", [[0.0], [1e-12, 1e-12], [-5.0, 1e9], [0.1] * 400])
def test_a_chart_takes_any_values(values):
    svg_of(line_chart("any", {"a": list(enumerate(values, start=1))}))


def test_values_that_are_no_numbers_are_left_out():
    svg = svg_of(line_chart("nan", {"a": [(1, 1.0), (2, math.nan), (3, math.inf), (4, 2.0)]}))
    assert len(svg.findall("circle")) == 2
    assert line_chart("nan", {"a": [(1, math.nan)]}) == ""


@pytest.mark.parametrize(
    "low, high, expected",
    [(0, 1, [0, 0.5, 1]), (0.21, 0.39, [0.2, 0.25, 0.3, 0.35, 0.4]), (3, 3, None), (-1, 1, None)],
)
def test_ticks_are_round_and_enclose_the_values(low, high, expected):
    found = ticks(low, high)
    assert found[0] <= low and found[-1] >= high and 2 <= len(found) <= 8
    if expected:
        assert found == pytest.approx(expected)
