"""Judges pictures and runs by numbers: `python -m monet.evaluate --help`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monet import __version__
from monet._command_line import EXIT_SKIPPED, CommandError, quiet_tensorflow, run
from monet._command_line.evaluate_options import parse_arguments
from monet._files import obstacle, write_text
from monet._progress import Line, bar
from monet._text import printable

if TYPE_CHECKING:
    from monet.data import Domains
    from monet.metrics import Extractor
    from monet.metrics.sample import PictureSet
    from monet.runs.candidates import Candidate
    from monet.runs.settings import DataLocation


def evaluate(args: argparse.Namespace) -> int:
    """Judges what the arguments say; returns the exit code."""
    from monet.data import DataError
    from monet.inference.generator import GeneratorError, choice_text
    from monet.metrics import FeatureCache
    from monet.metrics.evaluation import evaluate as judge
    from monet.metrics.extractor import ExtractorError
    from monet.metrics.report import report_text
    from monet.runs.candidates import candidates
    from monet.runs.evaluation_page import Shown, write_page
    from monet.runs.fair_photos import fair_photos
    from monet.runs.run_folder import RunError

    _check_outputs(args)
    try:
        judged = [
            candidate
            for path in args.run
            for candidate in candidates(
                path, which=args.generator, every_checkpoint=args.every_checkpoint
            )
        ]
        location, domains = _data(args)
        fair = fair_photos(args.run, location, domains, most=args.count, seed=args.seed)
        photos, sets = _sets(args, domains, fair.indices, judged)
        shown = Shown()
        print(f"Data      {printable(domains.description)}")
        for text in filter(None, (choice_text(candidate.path) for candidate in judged)):
            print(printable(text))
        extractor = _extractor(args)
        line = Line()
        report = judge(
            [shown.watched(pictures) for pictures in sets],
            _all_of(domains.paintings, args.size),
            None if photos is None else shown.watched(photos),
            size=args.size,
            extractor=extractor,
            cache=None if args.no_cache or not extractor else FeatureCache.of_user(extractor),
            draws=args.draws,
            seed=args.seed,
            progress=lambda text, done, total: line.update(f"{text}  {bar(done, total)}"),
        )
    except (DataError, ExtractorError, GeneratorError, RunError, ValueError) as error:
        raise CommandError(str(error)) from error
    line.finish("")
    of_runs = report["results"][-len(sets) :][: len(judged)]
    for result, candidate in zip(of_runs, judged, strict=True):
        result["generator"] = candidate.to_dict()
        if fair.indices:
            result["photos"] = fair.used_by(candidate.given)
    print("\n".join(map(printable, report_text(report).splitlines())))
    report |= {"monet": __version__, "data": domains.description}
    try:
        if args.output is not None:
            text = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False)
            write_text(args.output, text + "\n")
            print(f"\nFigures   {args.output}")
        if args.html is not None:
            print(f"Page      {write_page(args.html, report, shown, args.run)}")
    except OSError as error:
        raise CommandError(f"can't write {error.filename}: {error.strerror}.") from error
    return _warn_of_unreadable(report)


def _check_outputs(args: argparse.Namespace) -> None:
    """What can be refused is refused before anything is computed."""
    if args.output is not None:
        if args.output.is_dir():
            raise CommandError(f"{args.output} is a folder; give --output a file name.")
        if os.path.lexists(args.output) and not args.overwrite:
            raise CommandError(f"{args.output} exists; give another --output, or --overwrite.")
    if args.html is not None and (problem := obstacle(args.html)):
        raise CommandError(f"{args.html} {problem}; give --html another name.")


def _data(args: argparse.Namespace) -> tuple[DataLocation, Domains]:
    """Paintings and photos; paintings alone will do where no photo has to be painted."""
    from monet.runs.fair_photos import data_of
    from monet.runs.settings import DataLocation

    location = DataLocation(
        data=args.data, painting_dir=args.painting_dir, photo_dir=args.photo_dir
    )
    if not location:
        location, has_photos = data_of(args.run)
        return location, location.open(photos=has_photos)
    paintings_alone = args.painting_dir and not args.data and not args.photo_dir
    return location, location.open(photos=not paintings_alone)


def _sets(
    args: argparse.Namespace,
    domains: Domains,
    indices: Sequence[int],
    judged: Sequence[Candidate],
) -> tuple[PictureSet | None, list[PictureSet]]:
    """The untouched photos of these numbers, if there are any, and what is to be judged."""
    from monet.data.sources import Selection
    from monet.metrics.sample import pictures_of
    from monet.runs.painted_set import painted_set

    photos = None
    if indices:
        photos = pictures_of(Selection(domains.photos, indices), args.size, name="photos")
    sets = [
        painted_set(
            candidate.path,
            domains.photos,
            indices,
            args.size,
            name=candidate.name,
            count=args.count,
            seed=args.seed,
        )
        for candidate in judged
    ]
    files = [path for path in args.input if not path.is_dir() and path.suffix.lower() != ".zip"]
    for path in args.input:
        if path not in files:
            sets.append(
                pictures_of(
                    _opened(path), args.size, most=args.count, seed=args.seed, name=path.name
                )
            )
    if files:
        sets.append(_files(files, args))
    return photos, sets


def _opened(path: Path):
    """The pictures of an archive or a folder."""
    from monet.data import open_folder
    from monet.data.archive import ImageArchive

    if not path.is_dir():
        return ImageArchive(path)
    if (path / "config.json").is_file() and (path / "samples").is_dir():
        raise CommandError(f"{path} is a training run; give it by --run.")
    return open_folder(path)


def _files(paths: Sequence[Path], args: argparse.Namespace) -> PictureSet:
    """Picture files as one set."""
    from monet.data.sources import ImageFiles
    from monet.metrics.sample import pictures_of

    for path in paths:
        if not path.is_file():
            raise CommandError(f"there is no picture, archive or folder {path}.")
    return pictures_of(ImageFiles(paths), args.size, most=args.count, seed=args.seed)


def _all_of(source, size: int) -> PictureSet:
    from monet.metrics.sample import pictures_of

    return pictures_of(source, size, name="paintings")


def _extractor(args: argparse.Namespace) -> Extractor | None:
    from monet.metrics import InceptionGraph, KerasExtractor
    from monet.metrics.inception_graph import find_weights

    weights = find_weights(args.weights)
    if args.extractor is None and weights is None and not args.run:
        return None
    quiet_tensorflow()
    if args.extractor is not None:
        return KerasExtractor(args.extractor)
    return None if weights is None else InceptionGraph(weights)


def _warn_of_unreadable(report: dict[str, Any]) -> int:
    counted = [report["paintings"], *(found for found in report["results"] if "all" in found)]
    unreadable = [found for found in counted if found["unreadable"]]
    for found in unreadable:
        text = f"warning: {found['unreadable']:,} of {found['name']} couldn't be read."
        print(printable(text), file=sys.stderr)
    return EXIT_SKIPPED if unreadable else 0


def main(argv: Sequence[str] | None = None) -> int:
    return run(lambda: evaluate(parse_arguments(argv)))


if __name__ == "__main__":
    sys.exit(main())
