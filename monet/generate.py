"""Paints photos with a trained generator: `python -m monet.generate --help`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from monet._command_line import (
    EXIT_SKIPPED,
    CommandError,
    HelpFormatter,
    checked,
    named_path,
    positive_int,
    quiet_tensorflow,
    run,
)
from monet._progress import Line, bar, duration

_MOST_THREADS = 8
_SHOWN_SKIPPED = 20
_SHOWN_REASONS = 3


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m monet.generate",
        formatter_class=HelpFormatter,
        description="Paints photos of any size with a trained generator; each comes back in its "
        "own size, under its own name.",
        epilog="Exit code: 0 all painted, 1 some inputs skipped, 2 nothing done.",
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--run", type=named_path, metavar="RUN", help="folder of a training run")
    source.add_argument(
        "--model", type=named_path, metavar="FILE", help="a generator, saved as .keras"
    )
    parser.add_argument(
        "--input",
        nargs="+",
        type=named_path,
        required=True,
        metavar="PATH",
        help="picture files, or folders of pictures (with subfolders) or TFRecords",
    )
    parser.add_argument(
        "--output",
        type=named_path,
        default=Path("images.zip"),
        metavar="PATH",
        help="a .zip archive, a folder, or for a single input a picture file",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing output")
    parser.add_argument(
        "--kaggle",
        action="store_true",
        help="make a submission: pictures image_00000.jpg, image_00001.jpg, … of 256×256, 7,000 to "
        "10,000 of them, in an archive that is verified",
    )
    parser.add_argument(
        "--allow-any-count", action="store_true", help="with --kaggle: more or fewer pictures"
    )
    parser.add_argument(
        "--count",
        type=positive_int,
        metavar="N",
        help="paint the first N inputs (default: all); with --kaggle the first N readable ones",
    )
    parser.add_argument(
        "--batch-size", type=positive_int, default=8, metavar="N", help="most pictures at a time"
    )
    parser.add_argument(
        "--quality", type=_quality, default=95, metavar="Q", help="JPEG quality, 1 to 100"
    )
    parser.add_argument(
        "--mixed-precision",
        choices=("auto", "off", "float16", "bfloat16"),
        default="auto",
        help="precision of the computation",
    )
    return parser.parse_args(argv)


def generate(args: argparse.Namespace) -> int:
    """Paints what the arguments say; returns the exit code."""
    from monet.data import DataError
    from monet.inference.inputs import find_pictures
    from monet.inference.outputs import OutputError, check_output

    try:
        check_output(args.output, overwrite=args.overwrite)
        pictures, skipped = find_pictures(args.input)
    except (DataError, OutputError) as error:
        raise CommandError(str(error)) from error
    if args.kaggle:
        pictures = _for_submission(args, pictures, skipped)
    pictures = pictures[: args.count]
    if _is_picture(args.output) and len(pictures) > 1:
        raise CommandError(
            f"{len(pictures)} inputs don't fit into the single picture {args.output}; give "
            f"--output a folder or a name that ends in .zip."
        )
    names = _output_names(args, pictures)
    _check_inputs_stay(args, names)
    if not pictures:
        raise CommandError(_nothing_readable(skipped))

    painter = _load(args)
    print(f"Painting {_count(len(pictures), 'picture')} into {args.output}")
    try:
        written = _paint(args, painter, pictures, names, skipped)
    except OutputError as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(f"can't write {args.output}: {error.strerror or error}.") from error

    _report(args, written, skipped)
    return EXIT_SKIPPED if skipped else 0


def _for_submission(args: argparse.Namespace, pictures: list, skipped: list) -> list:
    """The inputs of a submission; extends `skipped`. What can be refused is refused here."""
    from monet.inference import submission
    from monet.inference.outputs import OutputError

    if args.output.suffix.lower() != ".zip":
        raise CommandError(f"--kaggle writes an archive; {args.output} doesn't end in .zip.")
    line = Line()
    try:
        within = len(pictures) if args.count is None else min(args.count, len(pictures))
        submission.check_count(within, allow_any=args.allow_any_count)
        pictures, unreadable = submission.usable_pictures(
            pictures, args.count, progress=lambda *done: line.update(f"Checking  {bar(*done)}")
        )
        skipped.extend(unreadable)
        if pictures:
            submission.check_count(len(pictures), allow_any=args.allow_any_count)
    except OutputError as error:
        raise CommandError(str(error)) from error
    line.finish(f"Checked {_count(len(pictures), 'input')}: all can be read, at 256×256")
    return pictures


def _output_names(args: argparse.Namespace, pictures: Sequence) -> list[str]:
    from monet.inference.outputs import Names
    from monet.inference.submission import member_name

    if args.kaggle:
        return [member_name(index) for index in range(len(pictures))]
    output_name = Names()
    return [output_name(picture.name) for picture in pictures]


def _check_inputs_stay(args: argparse.Namespace, names: Sequence[str]) -> None:
    from monet.inference.inputs import resolved_inputs
    from monet.inference.outputs import output_paths

    inputs = resolved_inputs(args.input)
    for path in (args.output, *output_paths(args.output, names)):
        if path.resolve() in inputs:
            raise CommandError(f"{path} is an input too; give --output another name.")


def _nothing_readable(skipped: Sequence[tuple[str, str]]) -> str:
    reasons = "; ".join(f"{name}: {reason}" for name, reason in skipped[:_SHOWN_REASONS])
    if len(skipped) > _SHOWN_REASONS:
        reasons += f"; and {len(skipped) - _SHOWN_REASONS:,} more"
    return f"nothing in --input can be read ({reasons}); nothing was written."


def _is_picture(output: Path) -> bool:
    from monet.inference.outputs import is_file_output

    return is_file_output(output) and output.suffix.lower() != ".zip"


def _load(args: argparse.Namespace):
    quiet_tensorflow()
    from monet.inference import Painter, load_generator
    from monet.inference.generator import GeneratorError
    from monet.ops import dispatch

    checked(dispatch.check_mode)
    try:
        generator = load_generator(args.run or args.model, precision=args.mixed_precision)
    except GeneratorError as error:
        raise CommandError(str(error)) from error
    return Painter(generator, batch_size=args.batch_size)


def _paint(args, painter, pictures, names, skipped) -> int:
    """Runs the pipeline; returns how many pictures were written and extends `skipped`.

    `names` has an output name for each picture; under `--kaggle` they are numbers, given without
    gaps to those that can be read.
    """
    from monet.data import ImageError
    from monet.inference.outputs import Encoder, open_output
    from monet.inference.pipeline import paint_pictures
    from monet.inference.submission import check_shape, verify_archive

    threads = min(_MOST_THREADS, os.cpu_count() or 1)
    if _is_picture(args.output):
        names = [args.output.name]
    written, started, line = 0, time.monotonic(), Line()
    verify = (lambda path: verify_archive(path, written)) if args.kaggle else None
    with (
        open_output(args.output, verify) as write,
        Encoder(write, quality=args.quality, threads=threads) as encoder,
    ):
        results = paint_pictures(painter, pictures, threads=threads)
        for done, (picture, image) in enumerate(results, start=1):
            if isinstance(image, ImageError):
                skipped.append((picture.name, str(image)))
            else:
                if args.kaggle:
                    check_shape(image, f"{picture.name}, painted,")
                encoder.add(names[written if args.kaggle else done - 1], image)
                written += 1
            rate = done / (time.monotonic() - started)
            line.update(
                f"{bar(done, len(pictures))}  {rate:.3g} images/s  "
                f"{duration((len(pictures) - done) / rate)} left"
            )
        seconds = time.monotonic() - started
        line.finish(
            f"{bar(len(pictures), len(pictures))}  {len(pictures) / seconds:.3g} images/s  "
            f"{duration(seconds)}"
        )
        if not written:  # raised in here, so that no empty archive takes the place of a good one
            raise CommandError(_nothing_readable(skipped))
    return written


def _report(args: argparse.Namespace, written: int, skipped: Sequence[tuple[str, str]]) -> None:
    if skipped:
        print(f"warning: skipped {_count(len(skipped), 'unreadable input')}:", file=sys.stderr)
        for name, reason in skipped[:_SHOWN_SKIPPED]:
            print(f"  {name}: {reason}", file=sys.stderr)
        if len(skipped) > _SHOWN_SKIPPED:
            print(f"  … and {len(skipped) - _SHOWN_SKIPPED:,} more", file=sys.stderr)
    if args.kaggle:
        _report_submission(args, written)
    print(f"Wrote {_count(written, 'picture')} to {args.output}")


def _report_submission(args: argparse.Namespace, written: int) -> None:
    from monet.inference import submission

    if written not in submission.COUNTS:
        print(
            f"warning: {_count(written, 'picture')}; the competition takes "
            f"{submission.COUNTS[0]:,} to {submission.COUNTS[-1]:,}.",
            file=sys.stderr,
        )
    if args.output.name != submission.NAME:
        print(f"warning: the competition wants the name {submission.NAME}.", file=sys.stderr)
    print(
        f"Verified by reading it back: {submission.member_name(0)} to "
        f"{submission.member_name(written - 1)}, checksums, JPEG, 256×256, RGB"
    )


def _count(number: int, what: str) -> str:
    from monet.data.sources import count

    return count(number, what)


def _quality(text: str) -> int:
    value = positive_int(text)
    if value > 100:
        raise argparse.ArgumentTypeError(f"{value} is too large; JPEG quality ends at 100")
    return value


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_arguments(argv)
    return run(lambda: generate(args))


if __name__ == "__main__":
    sys.exit(main())
