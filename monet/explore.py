"""Looks at a dataset before training: `python -m monet.explore --help`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monet import _plots
from monet._command_line import EXIT_SKIPPED, MISTAKE, CommandError, print_unreadable, run
from monet._command_line.arguments import HelpFormatter, add_version, named_path
from monet._command_line.data_options import add_data_options
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
    from monet.data import DataError
    from monet.exploration.exploring import begin

    try:
        exploration = begin(
            args.data, out=args.out, painting_dir=args.painting_dir, photo_dir=args.photo_dir
        )
    except DataError as error:
        raise CommandError(str(error)) from error

    domains = exploration.domains
    print(f"Data      {domains.description}")
    started, line = time.monotonic(), Line()

    def progress(done: int, total: int) -> None:
        rate = done / max(time.monotonic() - started, 1e-9)
        line.update(
            f"{bar(done, total)}  {rate:.3g} images/s  {duration((total - done) / rate)} left"
        )

    try:
        stats = exploration.write(progress)
    except OSError as error:
        raise CommandError(f"can't write {args.out}: {error.strerror or error}.") from error
    total = len(domains.paintings) + len(domains.photos)
    line.finish(f"{bar(total, total)}  {duration(time.monotonic() - started)}")
    return _summarise(stats, args.out)


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
