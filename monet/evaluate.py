"""Judges pictures and runs by numbers: `python -m monet.evaluate --help`."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from monet._command_line import EXIT_SKIPPED, CommandError, checked, run
from monet._command_line.evaluate_options import parse_arguments
from monet._command_line.quiet import quiet_tensorflow
from monet._progress import Line, bar
from monet._text import printable


def evaluate(args: argparse.Namespace) -> int:
    """Judges what the arguments say; returns the exit code."""
    from monet.metrics.report import report_text
    from monet.runs import evaluating
    from monet.runs.data_location import DataLocation

    checked(evaluating.check_outputs, args.output, args.html, overwrite=args.overwrite)
    evaluation = checked(
        evaluating.begin,
        args.run,
        args.input,
        location=DataLocation(
            data=args.data, painting_dir=args.painting_dir, photo_dir=args.photo_dir
        ),
        judged=evaluating.Judged(
            size=args.size, count=args.count, seed=args.seed, draws=args.draws
        ),
        which=args.generator,
        every_checkpoint=args.every_checkpoint,
        extractor=args.extractor,
        weights=args.weights,
        uses_cache=not args.no_cache,
        before_loading=quiet_tensorflow,
    )
    print(f"Data      {printable(evaluation.domains.description)}")
    for note in evaluation.notes:
        print(printable(note))
    line = Line()
    report = checked(
        evaluation.judge,
        lambda text, done, total: line.update(f"{text}  {bar(done, total)}"),
    )
    line.finish("")
    print("\n".join(map(printable, report_text(report).splitlines())))
    if args.output is not None:
        with _writing(args.output):
            evaluating.write_report(args.output, report)
        print(f"\nFigures   {args.output}")
    if args.html is not None:
        with _writing(args.html):
            page = evaluation.write_page(args.html, report)
        print(f"Page      {page}")
    return _warn_of_unreadable(report)


@contextlib.contextmanager
def _writing(output: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CommandError(f"can't write {output}: {error.strerror or error}.") from error


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
