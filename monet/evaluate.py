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


def evaluate(args: argparse.Namespace) -> int:
    """Judges what the arguments say; returns the exit code."""
    from monet.data import DataError
    from monet.inference.generator import GeneratorError
    from monet.metrics import FeatureCache
    from monet.metrics.evaluation import evaluate as judge
    from monet.metrics.extractor import ExtractorError
    from monet.metrics.report import report_text
    from monet.runs.evaluation_page import Shown, write_page

    _check_outputs(args)
    try:
        domains = _domains(args)
        photos, sets = _sets(args, domains)
        shown = Shown()
        print(f"Data      {printable(domains.description)}")
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
    except (DataError, ExtractorError, GeneratorError, ValueError) as error:
        raise CommandError(str(error)) from error
    line.finish("")
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


def _domains(args: argparse.Namespace) -> Domains:
    """Paintings and photos; paintings alone will do where no photo has to be painted."""
    from monet.data import open_domains

    if args.painting_dir is not None and args.data is None and args.photo_dir is None:
        return open_domains(painting_dir=args.painting_dir, photos=False)
    return open_domains(args.data, painting_dir=args.painting_dir, photo_dir=args.photo_dir)


def _sets(args: argparse.Namespace, domains: Domains) -> tuple[PictureSet | None, list[PictureSet]]:
    """The untouched photos, if there are any, and what is to be judged."""
    from monet.metrics.sample import choose, pictures_of
    from monet.runs.painted_set import painted_set

    photos, sets = None, []
    if len(domains.photos):
        photos = pictures_of(
            domains.photos, args.size, most=args.count, seed=args.seed, name="photos"
        )
    indices = choose(len(domains.photos), args.count, args.seed)
    for generator in args.run:
        _check_generator(generator)
        painted = painted_set(
            generator, domains.photos, indices, args.size, count=args.count, seed=args.seed
        )
        sets.append(painted)
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


def _check_generator(path: Path) -> None:
    file = path / "generator.keras" if path.is_dir() else path
    if not file.is_file():
        raise CommandError(
            f"there is no generator at {file}; give --run the folder of a run that has finished an "
            f"epoch, or a .keras file."
        )


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
