from __future__ import annotations

import re
from pathlib import Path

import pytest

from monet.systems import RECIPES
from monet.systems.fields import as_text
from monet.systems.table import described_fields, recipe_table

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "recipes.md"


@pytest.fixture(scope="module")
def rows() -> dict[str, str]:
    """The table's rows by recipe."""
    return {line.split()[0]: line for line in recipe_table().splitlines() if line.strip()}


@pytest.mark.parametrize("name", ["cyclegan", "unet-bce"])
def test_the_table_shows_what_networks_weigh(rows, name):
    want = {"cyclegan": ("11.4 M", "49.6 G"), "unet-bce": ("54.4 M", "6.05 G")}[name]
    assert all(text in rows[name] for text in want)


@pytest.mark.parametrize("name", RECIPES)
def test_the_document_shows_the_same(rows, name):
    row = re.search(rf"^\| `{name}` \|.*$", DOCUMENT.read_text(encoding="utf-8"), re.M)
    assert row, f"docs/recipes.md has no row for {name}"
    *_, generator, discriminator, _ = (cell.strip() for cell in row[0].split("|"))
    weights = f"{generator}, {discriminator}".split(", ")
    assert re.split(r"\s{2,}", rows[name])[-4:] == weights


def test_the_document_has_all_fields_with_their_types_and_defaults():
    blocks = []
    for heading, fields in described_fields():
        rows = [f"{heading[0].upper()}{heading[1:]}:", ""]
        rows += ["| field | takes | default | |", "|---|---|---|---|"]
        for field in fields:
            default = as_text(field.default)
            shown = f"`{default}`" if default else ""
            rows.append(f"| `{field.name}` | {field.kind} | {shown} | {field.meaning} |")
        blocks.append("\n".join(rows))
    wanted = "\n\n".join(blocks)
    _, _, found = DOCUMENT.read_text(encoding="utf-8").partition("monet.models -->\n\n")
    assert found.splitlines() == wanted.splitlines(), f"replace it by:\n{wanted}"
