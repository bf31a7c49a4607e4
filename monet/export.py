"""Writes a generator as SavedModel, ONNX or TFLite: `python -m monet.export --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from monet._command_line import CommandError, run
from monet._command_line.export_options import parse_arguments
from monet._command_line.quiet import holding_back_stderr, quiet_tensorflow
from monet._text import printable
from monet.inference.exporting import Exported, ExportError, export
from monet.inference.generator import GeneratorError, choice_text, generator_file
from monet.inference.outputs import OutputError


def write(args: argparse.Namespace) -> int:
    """Writes what the arguments say; returns the exit code."""
    try:
        file = generator_file(args.run or args.model, args.generator)
        if text := choice_text(file):
            print(printable(text))
        quiet_tensorflow()
        with holding_back_stderr(lambda line: False):  # converters are talkative
            exported = export(
                file, args.format, args.output, size=args.size, overwrite=args.overwrite
            )
    except (ExportError, GeneratorError, OutputError) as error:
        raise CommandError(str(error)) from error
    _report(exported)
    return 0


def _report(exported: Exported) -> None:
    print(f"Wrote {printable(str(exported.output))}")
    print(f"Takes {exported.takes}")
    if exported.difference is None:
        print(f"Not run: {exported.unchecked}", file=sys.stderr)
    else:
        print(f"Ran it: within {exported.difference:.1e} of the Keras model, on values in [-1, 1]")


def main(argv: Sequence[str] | None = None) -> int:
    return run(lambda: write(parse_arguments(argv)))


if __name__ == "__main__":
    sys.exit(main())
