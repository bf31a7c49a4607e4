"""The options of `python -m monet.export`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from monet._command_line import MISTAKE
from monet._command_line.arguments import HelpFormatter, add_version, named_path, positive_int
from monet._command_line.generator_options import add_generator_options
from monet.inference.exporting import FORMATS


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m monet.export",
        formatter_class=HelpFormatter,
        description="Writes a generator for programs without monet: as SavedModel, ONNX or TFLite, "
        "of plain operations in float32. What is written is run once and compared with the "
        "generator.",
        epilog=f"Exit code: 0 written, 2 nothing done, {MISTAKE}.",
    )
    add_version(parser)
    add_generator_options(parser)
    parser.add_argument(
        "--format", choices=FORMATS, required=True, help="onnx needs the package tf2onnx"
    )
    parser.add_argument(
        "--output",
        type=named_path,
        metavar="PATH",
        help="a file, or for savedmodel a folder (default: beside the generator, under its name)",
    )
    parser.add_argument(
        "--size",
        type=positive_int,
        metavar="PX",
        help="both sides of the pictures, for a file that takes one at a time, all of that size "
        "(default: any number, of all sizes that the generator takes)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing output")
    return parser.parse_args(argv)
