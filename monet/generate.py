"""Paints photos, or from noise, with a trained generator: `python -m monet.generate --help`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from monet._command_line import EXIT_SKIPPED, CommandError, checked, quiet_tensorflow, run
from monet._command_line.generate_options import parse_arguments
from monet._parallel import usable_cores
from monet._progress import Line, bar, duration
from monet._text import count

if TYPE_CHECKING:
    import numpy as np

_MOST_THREADS = 8
_SHOWN_SKIPPED = 20
_SHOWN_REASONS = 3


def generate(args: argparse.Namespace) -> int:
    """Paints what the arguments say; returns the exit code."""
    if args.input is None:
        return _generate_from_noise(args)
    if args.seed is not None:
        raise CommandError("--seed is of noise; leave it out to paint --input.")
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

    generator = _load(args, from_noise=False)
    from monet.inference import Painter
    from monet.inference.pipeline import paint_pictures

    print(f"Painting {count(len(pictures), 'picture')} into {args.output}")
    painter = Painter(generator, batch_size=args.batch_size)
    results = paint_pictures(painter, pictures, threads=_threads())
    written = _write(args, ((picture.name, image) for picture, image in results), names, skipped)
    _report(args, written, skipped)
    return EXIT_SKIPPED if skipped else 0


def _generate_from_noise(args: argparse.Namespace) -> int:
    from monet.inference import submission
    from monet.inference.outputs import OutputError, check_output

    if args.count is None:
        raise CommandError(
            "nothing to paint: give --input with photos, or --count for a generator that paints "
            "from noise."
        )
    if _is_picture(args.output) and args.count > 1:
        raise CommandError(
            f"{args.count:,} pictures don't fit into the single picture {args.output}; give "
            f"--output a folder or a name that ends in .zip."
        )
    try:
        check_output(args.output, overwrite=args.overwrite)
        if args.kaggle:
            _check_archive(args)
            submission.check_count(args.count, allow_any=args.allow_any_count)
        generator = _load(args, from_noise=True)
        if args.kaggle:
            submission.check_side(generator.output_shape[1])
    except OutputError as error:
        raise CommandError(str(error)) from error
    from monet.inference import paint_from_noise

    print(f"Painting {count(args.count, 'picture')} from noise into {args.output}")
    images = paint_from_noise(
        generator, args.count, seed=args.seed or 0, batch_size=args.batch_size
    )
    names = [submission.member_name(index) for index in range(args.count)]
    written = _write(args, zip(names, images, strict=True), names, [])
    _report(args, written, [])
    return 0


def _for_submission(args: argparse.Namespace, pictures: list, skipped: list) -> list:
    """The inputs of a submission; extends `skipped`. What can be refused is refused here."""
    from monet.inference import submission
    from monet.inference.outputs import OutputError

    _check_archive(args)
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
    line.finish(f"Checked {count(len(pictures), 'input')}: all can be read, at 256×256")
    return pictures


def _check_archive(args: argparse.Namespace) -> None:
    if args.output.suffix.lower() != ".zip":
        raise CommandError(f"--kaggle writes an archive; {args.output} doesn't end in .zip.")


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


def _load(args: argparse.Namespace, *, from_noise: bool):
    """The generator, of the kind that the arguments are for."""
    quiet_tensorflow()
    from monet.inference import load_generator
    from monet.inference.generator import GeneratorError, is_from_noise
    from monet.ops.native import dispatch

    checked(dispatch.check_mode)
    try:
        generator = load_generator(args.run or args.model, precision=args.mixed_precision)
    except GeneratorError as error:
        raise CommandError(str(error)) from error
    path = args.run or args.model
    if from_noise and not is_from_noise(generator):
        raise CommandError(f"the generator of {path} paints photos; name them by --input.")
    if not from_noise and is_from_noise(generator):
        raise CommandError(
            f"the generator of {path} paints from noise; give --count in place of --input."
        )
    return generator


def _threads() -> int:
    return min(_MOST_THREADS, usable_cores())


def _write(args, results, names, skipped) -> int:
    """Writes what is painted; returns how many pictures that was and extends `skipped`.

    `results` are (input name, image or what is wrong with it); `names` has an output name for each.
    Under `--kaggle` these are numbers, given without gaps to those that can be read.
    """
    from monet.inference.outputs import OutputError

    try:
        return _encode(args, results, names, skipped)
    except OutputError as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(f"can't write {args.output}: {error.strerror or error}.") from error


def _encode(args, results, names, skipped) -> int:
    from monet.data import ImageError
    from monet.inference.outputs import open_output, write_encoded
    from monet.inference.submission import check_shape, verify_archive

    total = len(names)
    if _is_picture(args.output):
        names = [args.output.name]
    written, started, line = 0, time.monotonic(), Line()

    def painted() -> Iterator[tuple[str, np.ndarray]]:
        nonlocal written
        for done, (name, image) in enumerate(results, start=1):
            if isinstance(image, ImageError):
                skipped.append((name, str(image)))
            else:
                if args.kaggle:
                    check_shape(image, f"{name}, painted,")
                output_name = names[written if args.kaggle else done - 1]
                written += 1
                yield output_name, image
            rate = done / (time.monotonic() - started)
            line.update(
                f"{bar(done, total)}  {rate:.3g} images/s  {duration((total - done) / rate)} left"
            )

    verify = (lambda path: verify_archive(path, written)) if args.kaggle else None
    with open_output(args.output, verify) as write:
        write_encoded(write, painted(), quality=args.quality, threads=_threads())
        seconds = time.monotonic() - started
        line.finish(f"{bar(total, total)}  {total / seconds:.3g} images/s  {duration(seconds)}")
        if not written:  # raised in here, so that no empty archive takes the place of a good one
            raise CommandError(_nothing_readable(skipped))
    return written


def _report(args: argparse.Namespace, written: int, skipped: Sequence[tuple[str, str]]) -> None:
    if skipped:
        print(f"warning: skipped {count(len(skipped), 'unreadable input')}:", file=sys.stderr)
        for name, reason in skipped[:_SHOWN_SKIPPED]:
            print(f"  {name}: {reason}", file=sys.stderr)
        if len(skipped) > _SHOWN_SKIPPED:
            print(f"  … and {len(skipped) - _SHOWN_SKIPPED:,} more", file=sys.stderr)
    if args.kaggle:
        _report_submission(args, written)
    print(f"Wrote {count(written, 'picture')} to {args.output}")


def _report_submission(args: argparse.Namespace, written: int) -> None:
    from monet.inference import submission

    if written not in submission.COUNTS:
        print(
            f"warning: {count(written, 'picture')}; the competition takes "
            f"{submission.COUNTS[0]:,} to {submission.COUNTS[-1]:,}.",
            file=sys.stderr,
        )
    if args.output.name != submission.NAME:
        print(f"warning: the competition wants the name {submission.NAME}.", file=sys.stderr)
    print(
        f"Verified by reading it back: {submission.member_name(0)} to "
        f"{submission.member_name(written - 1)}, checksums, JPEG, 256×256, RGB"
    )


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_arguments(argv)
    return run(lambda: generate(args))


if __name__ == "__main__":
    sys.exit(main())
