"""Exploring a dataset, from its folder to the report."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from monet._files import StrPath, check_local, obstacle
from monet.data import DataError, Domains, open_domains
from monet.data.domains import SAMPLE_SET, dataset_folders
from monet.data.folders import check_outside
from monet.data.sources import SkippedWarning
from monet.exploration.inventory import FolderInventory, take_inventory
from monet.exploration.report import write_report


@dataclasses.dataclass(frozen=True)
class Exploration:
    """A dataset that is to be reported on.

    Attributes:
        domains: its pictures.
        inventory: the files of its folders.
        out: where the report goes.
    """

    domains: Domains
    inventory: list[FolderInventory]
    out: Path

    def write(self, progress: Callable[[int, int], None] = lambda done, total: None) -> dict:
        """Reads all pictures and writes the report.

        Args:
            progress: called with how many of how many pictures are done.

        Returns:
            What is in its `stats.json`.

        Raises:
            OSError: the folder can't be written.
        """
        return write_report(self.domains, self.inventory, self.out, progress=progress)


def begin(
    data: StrPath | None = None,
    *,
    out: StrPath,
    painting_dir: StrPath | None = None,
    photo_dir: StrPath | None = None,
) -> Exploration:
    """Opens a dataset for `Exploration.write`; arguments and errors are those of `explore`."""
    out = Path(out)
    folders = [Path(folder) for folder in (painting_dir, photo_dir) if folder]
    check_local(out, DataError)
    if problem := obstacle(out):  # not even an earlier report is replaced
        raise DataError(f"{out} {problem}; give `out` another name.")
    if not folders:
        folders = dataset_folders(data or SAMPLE_SET)
    with warnings.catch_warnings():  # the report lists what can't be read
        warnings.simplefilter("ignore", SkippedWarning)
        domains = open_domains(data, painting_dir=painting_dir, photo_dir=photo_dir)
    check_outside(out, folders, "the report's own pictures")
    return Exploration(domains, take_inventory(folders), out)


def explore(
    data: StrPath | None = None,
    *,
    out: StrPath,
    painting_dir: StrPath | None = None,
    photo_dir: StrPath | None = None,
) -> dict[str, Any]:
    """Reports on a dataset: `index.html`, `stats.json` and PNGs in a folder of their own.

    ```python
    stats = explore("gan-getting-started", out="report")
    print(*stats["insights"])
    ```

    Args:
        data: dataset folder, as `monet.runs.start` takes it; without any the embedded sample set.
        out: a new folder, or an empty one.
        painting_dir: instead of `data`: a folder of paintings.
        photo_dir: instead of `data`: a folder of photos.

    Returns:
        What is in `stats.json`.

    Raises:
        DataError: there are no such pictures, or `out` can't be where it is.
        OSError: the folder can't be written.
    """
    return begin(data, out=out, painting_dir=painting_dir, photo_dir=photo_dir).write()
