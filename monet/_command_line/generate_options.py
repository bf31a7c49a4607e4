"""The options of `python -m monet.generate`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from monet._command_line import MISTAKE
from monet._command_line.arguments import HelpFormatter, add_version, named_path, positive_int, seed
from monet._command_line.generator_options import add_generator_options
from monet.inference.generator import MOST_STRENGTH


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m monet.generate",
        formatter_class=HelpFormatter,
        description="Paints photos of any size with a trained generator; each comes back in its "
        "own size, under its own name. A generator that paints from noise takes "
        "--count in place of --input.",
        epilog="Exit code: 0 all painted, 1 some inputs skipped or paintings in a single colour, 2 "
        f"nothing done, {MISTAKE}.",
    )
    add_version(parser)
    add_generator_options(parser)
    parser.add_argument(
        "--input",
        nargs="+",
        type=named_path,
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
        help="paint the first N inputs (default: all), with --kaggle the first N readable ones; or "
        "N pictures from noise",
    )
    parser.add_argument(
        "--seed", type=seed, metavar="N", help="of the noise; another paints others (default: 0)"
    )
    parser.add_argument(
        "--batch-size", type=positive_int, default=8, metavar="N", help="most pictures at a time"
    )
    parser.add_argument(
        "--quality", type=_quality, default=95, metavar="Q", help="JPEG quality, 1 to 100"
    )
    parser.add_argument(
        "--strength",
        type=_strength,
        default=1.0,
        metavar="S",
        help="how strongly a generator such as monet's paints over its brush strokes: below 1 "
        f"calmer and nearer to the photo, 0 the strokes alone; at most {MOST_STRENGTH:g}",
    )
    parser.add_argument(
        "--faithful",
        action="store_true",
        help="of a run: write pictures as the notebook behind its recipe does, by its names, JPEG "
        "quality and rounding",
    )
    parser.add_argument(
        "--mixed-precision",
        choices=("auto", "off", "float16", "bfloat16"),
        default="auto",
        help="precision of the computation",
    )
    args = parser.parse_args(argv)
    if args.faithful and args.run is None:
        parser.error("--faithful goes by the recipe of a run; give --run in place of --model")
    return args


def _strength(text: str) -> float:
    value = float(text)
    if not 0 <= value <= MOST_STRENGTH:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to {MOST_STRENGTH:g}")
    return value


_strength.__name__ = "number"  # as argparse names it in its message


def _quality(text: str) -> int:
    value = positive_int(text)
    if value > 100:
        raise argparse.ArgumentTypeError(f"{value} is too large; JPEG quality ends at 100")
    return value
