"""Looks at a dataset before training: `python -m monet.explore --help`."""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monet import _plots
from monet._command_line import (
    EXIT_SKIPPED,
    MISTAKE,
    CommandError,
    HelpFormatter,
    add_version,
    named_path,
    print_unreadable,
    run,
)
from monet._command_line.data_options import add_data_options
from monet._files import obstacle
from monet._progress import Line, bar, duration
from monet._text import count

_SHOWN = 5


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m monet.explore",
        formatter_class=HelpFormatter,
        description="Reports on a dataset: counts, sizes, colours, samples, duplicates and damage, "
        "as index.html, stats.json and PNGs in a folder of their own.",
        epilog="Without data it reports on the sample set that comes with the package. Exit code: "
        f"0 all pictures could be read, 1 some couldn't, 2 nothing done, {MISTAKE}.",
    )
    add_version(parser)
    add_data_options(parser)
    parser.add_argument(
        "--out", type=named_path, required=True, metavar="REPORT", help="a new folder"
    )
    return parser.parse_args(argv)


def explore(args: argparse.Namespace) -> int:
    """Writes the report that the arguments describe; returns the exit code."""
    from monet.data import DataError, open_domains
    from monet.data.domains import SAMPLE_SET, dataset_folders
    from monet.exploration.inventory import take_inventory
    from monet.exploration.report import write_report

    folders = [folder for folder in (args.painting_dir, args.photo_dir) if folder]
    if problem := obstacle(args.out):  # not even an earlier report is replaced
        raise CommandError(f"{args.out} {problem}; give --out another name.")
    try:
        if not folders:
            folders = dataset_folders(args.data or SAMPLE_SET)
        with warnings.catch_warnings():  # the report lists what can't be read
            warnings.simplefilter("ignore")
            domains = open_domains(
                args.data, painting_dir=args.painting_dir, photo_dir=args.photo_dir
            )
        _check_outside(args.out, folders)
        inventory = take_inventory(folders)
    except DataError as error:
        raise CommandError(str(error)) from error

    print(f"Data      {domains.description}")
    started, line = time.monotonic(), Line()

    def progress(done: int, total: int) -> None:
        rate = done / max(time.monotonic() - started, 1e-9)
        line.update(
            f"{bar(done, total)}  {rate:.3g} images/s  {duration((total - done) / rate)} left"
        )

    try:
        stats = write_report(domains, inventory, args.out, progress=progress)
    except OSError as error:
        raise CommandError(f"can't write {args.out}: {error.strerror or error}.") from error
    total = len(domains.paintings) + len(domains.photos)
    line.finish(f"{bar(total, total)}  {duration(time.monotonic() - started)}")
    return _summarise(stats, args.out)


def _check_outside(out: Path, folders: Sequence[Path]) -> None:
    """A report inside a folder of pictures would be taken for data next time."""
    for folder in folders:
        if folder.resolve() in (out.resolve(), *out.resolve().parents):
            raise CommandError(
                f"{out} is inside {folder}, where the report's own pictures would count as data; "
                f"give --out another place."
            )


def _summarise(stats: dict[str, Any], out: Path) -> int:
    unreadable = []
    for name, found in stats["domains"].items():
        colours = ", ".join(
            f"{channel} {mean:.1f} ± {deviation:.1f}"
            for channel, mean, deviation in zip(
                "RGB", found["channel_mean"], found["channel_std"], strict=True
            )
            if mean is not None
        )
        print(f"{name.capitalize():<10}{found['pictures']:,}; {colours}")
        unreadable += [(entry["name"], entry["reason"]) for entry in found["unreadable"]]
    duplicates = stats["duplicates"]
    near = "not compared" if duplicates["near"] is None else count(len(duplicates["near"]), "pair")
    print(f"Duplicates  exact: {count(len(duplicates['exact']), 'group')}; near: {near}")
    for sentence in stats["insights"]:
        print(sentence)
    if not _plots.is_available():
        print(f"No plots: matplotlib is not installed. For plots: {_plots.INSTALL}")
    print_unreadable(f"{len(unreadable):,} unreadable", unreadable, most=_SHOWN)
    print(f"Report    {out / 'index.html'}")
    return EXIT_SKIPPED if unreadable else 0


def main(argv: Sequence[str] | None = None) -> int:
    return run(lambda: explore(parse_arguments(argv)))


if __name__ == "__main__":
    sys.exit(main())
