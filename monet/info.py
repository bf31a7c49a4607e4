"""Reports versions, what is native, and remedies for what is missing: `python -m monet.info`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from monet._command_line import run
from monet._command_line.arguments import add_version
from monet._command_line.installation import collect
from monet._command_line.installation_text import render
from monet._command_line.quiet import holding_back_stderr


def main(argv: Sequence[str] | None = None) -> int:
    return run(lambda: _report(as_json=_parse_arguments(argv).json))


def _parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m monet.info",
        description="Reports versions, what runs natively, and the remedy for whatever is missing.",
    )
    add_version(parser)
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    return parser.parse_args(argv)


def _report(*, as_json: bool) -> int:
    with holding_back_stderr(lambda line: False):  # no log level silences all that TensorFlow says
        report = collect()
    print(json.dumps(report, indent=2) if as_json else render(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
