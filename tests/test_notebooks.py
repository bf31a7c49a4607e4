"""The notebooks run from their first cell to their last on the sample set, and are kept clean."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"
NAMES = ["kaggle_monet", "compare_systems"]
SYSTEMS = (
    "cyclegan resnet-lsgan unet-bce unet-base unet-group unet-attention monet dcgan dcgan-diverse"
).split()


def read(name):
    return json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))


def source(cell):
    return "".join(cell["source"])


def execute(name, folder, monkeypatch, **parameters):
    """Runs a notebook in `folder`; returns what its cells have written and shown, in order."""
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    for parameter, value in parameters.items():
        monkeypatch.setenv(f"MONET_NOTEBOOK_{parameter}", str(value))
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    texts = [output["text"] for output in outputs if output["output_type"] == "stream"]
    shown = [output["data"] for output in outputs if output["output_type"] == "display_data"]
    words = [data["text/markdown"] for data in shown if "text/markdown" in data]
    return "".join(texts), words, sum("image/png" in data for data in shown)


def test_there_are_no_others():
    assert sorted(path.stem for path in NOTEBOOKS.iterdir()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_no_outputs_are_kept(name):
    cells = read(name)["cells"]
    assert len(cells) > 10
    for cell in cells:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None
        assert "attachments" not in cell


@pytest.mark.parametrize("name", NAMES)
def test_the_parameters_are_in_one_tagged_cell_and_the_data_of_kaggle_is_found(name):
    tagged = [c for c in read(name)["cells"] if "parameters" in c["metadata"].get("tags", [])]
    (parameters,) = map(source, tagged)
    assert 'Path("/kaggle/input/gan-getting-started")' in parameters
    others = "".join(source(cell) for cell in read(name)["cells"] if cell not in tagged)
    assert "MONET_NOTEBOOK" in parameters and "MONET_NOTEBOOK" not in others


def test_the_table_of_contents_leads_to_the_sections():
    text = "\n".join(map(source, read("kaggle_monet")["cells"]))
    headings = re.findall(r"^## (.*)$", text, re.M)
    links = re.findall(r"^\d\. \[(.*)\]\(#(.*)\)$", text, re.M)
    assert links == [(heading, heading.replace(" ", "-")) for heading in headings]


def test_the_notebook_for_kaggle_goes_from_data_to_submission(tmp_path, monkeypatch):
    text, words, pictures = execute("kaggle_monet", tmp_path, monkeypatch, MINUTES=0.4)
    assert "24 paintings in monet_jpg, 48 photos in photo_jpg" in text
    assert "other half of the paintings" in text and "gap closed" in text
    assert "48 pictures in" in text and (tmp_path / "images.zip").is_file()
    assert pictures >= 4  # of both domains, and of the training; with matplotlib more
    assert len(words) == 2 and "brighter" in words[0] and "SWD" in words[1]
    assert (tmp_path / "report" / "index.html").is_file()
    assert (tmp_path / "run" / "figures" / "pairs.png").is_file()


def test_all_systems_are_compared(tmp_path, monkeypatch):
    text, words, pictures = execute("compare_systems", tmp_path, monkeypatch, PICTURES=2)
    for name in SYSTEMS:
        assert re.search(rf"^  {name} +\d+\.\d ± \d", text, re.M), name
        assert (tmp_path / "compare" / name / "generator.keras").is_file()
    assert pictures == 1
    (discussion,) = words
    leader = re.search(r"Who leads\?\*\* `([\w-]+)`", discussion)[1]
    scores = {name: float(re.search(rf"^  {name} +(\d+\.\d)", text, re.M)[1]) for name in SYSTEMS}
    assert scores[leader] == min(scores.values())
    assert "Is it better than doing nothing?" in discussion
    assert "Does `dcgan` paint more than one picture?" in discussion


def test_every_published_system_is_among_those_compared():
    from monet.systems import GPU_RECIPE, RECIPES, SAMPLE_RECIPE

    assert set(SYSTEMS) == set(RECIPES) - {GPU_RECIPE, SAMPLE_RECIPE}
