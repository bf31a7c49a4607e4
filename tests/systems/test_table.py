from __future__ import annotations

import pytest

from monet.systems.table import recipe_table


@pytest.mark.parametrize("name", ["cyclegan", "unet-bce"])
def test_the_table_shows_what_networks_weigh(name):
    rows = {line.split()[0]: line for line in recipe_table().splitlines() if line.strip()}
    want = {"cyclegan": ("11.4 M", "49.6 G"), "unet-bce": ("54.4 M", "6.05 G")}[name]
    assert all(text in rows[name] for text in want)
