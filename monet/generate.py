"""Paints photos, or from noise, with a trained generator: `python -m monet.generate --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from monet._command_line import EXIT_SKIPPED, CommandError, checked, print_unreadable, run
from monet._command_line.generate_options import parse_arguments
from monet._command_line.quiet import quiet_tensorflow
from monet._text import count
from monet.data import DataError
from monet.inference import submission
from monet.inference.file_style import FileStyle
from monet.inference.generator import GeneratorError
from monet.inference.outputs import OutputError
from monet.inference.painting import Painted, paint

_SHOWN_SKIPPED = 20


def generate(args: argparse.Namespace) -> int:
    """Paints what the arguments say; returns the exit code."""
    style = _documented_style(args.run) if args.faithful else None
    try:
        painted = paint(
            args.run or args.model,
            args.input,
            args.output,
            count=args.count,
            seed=args.seed,
            overwrite=args.overwrite,
            kaggle=args.kaggle,
            allow_any_count=args.allow_any_count,
            batch_size=args.batch_size,
            quality=args.quality,
            mixed_precision=args.mixed_precision,
            strength=args.strength,
            which=args.generator,
            style=style,
            before_loading=_before_loading,
        )
    except (DataError, OutputError, GeneratorError) as error:
        raise CommandError(str(error)) from error
    skipped = painted.skipped
    print_unreadable(f"skipped {count(len(skipped), 'picture')}", skipped, most=_SHOWN_SKIPPED)
    suspect = painted.suspect
    print_unreadable(f"look at {count(len(suspect), 'picture')}", suspect, most=_SHOWN_SKIPPED)
    if args.kaggle:
        _report_submission(painted, style or submission.STYLE)
    print(f"Wrote {count(painted.written, 'picture')} to {painted.output}")
    return EXIT_SKIPPED if skipped or suspect else 0


def _documented_style(run: Path) -> FileStyle:
    """How the notebook behind the run's recipe writes pictures."""
    from monet import runs
    from monet.systems.documents import document_of

    return checked(lambda: document_of(runs.open(run).recipe).style)


def _before_loading() -> None:
    quiet_tensorflow()
    from monet.ops.native import dispatch

    checked(dispatch.check_mode)


def _report_submission(painted: Painted, style: FileStyle) -> None:
    written = painted.written
    if written not in submission.COUNTS:
        print(
            f"warning: {count(written, 'picture')}; the competition takes "
            f"{submission.COUNTS[0]:,} to {submission.COUNTS[-1]:,}.",
            file=sys.stderr,
        )
    if painted.output.name != submission.NAME:
        print(f"warning: the competition wants the name {submission.NAME}.", file=sys.stderr)
    print(
        f"Verified by reading it back: {style.name(0)} to {style.name(written - 1)}, checksums, "
        f"JPEG, 256×256, RGB"
    )


def main(argv: Sequence[str] | None = None) -> int:
    return run(lambda: generate(parse_arguments(argv)))


if __name__ == "__main__":
    sys.exit(main())
