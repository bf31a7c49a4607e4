"""Lists the commands: `python -m monet`."""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Sequence
from pathlib import Path

import monet
from monet._command_line import run


def commands() -> dict[str, str]:
    """The modules of this package that are commands, with a line on what each does.

    Read from their sources: importing them would take a TensorFlow.
    """
    found = {}
    for path in sorted(Path(__file__).parent.glob("[!_]*.py")):
        source = path.read_text(encoding="utf-8")
        if '\nif __name__ == "__main__":' in source:
            summary = (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]
            found[path.stem] = summary.partition(": `")[0].rstrip(".")
    return found


def main(argv: Sequence[str] | None = None) -> int:
    return run(lambda: _show(argv))


def _show(argv: Sequence[str] | None) -> int:
    listed = "\n".join(f"  python -m monet.{name:<10} {line}" for name, line in commands().items())
    parser = argparse.ArgumentParser(
        prog="python -m monet",
        description=f"Trains and runs GANs that repaint photos. Its commands:\n\n{listed}",
        epilog="Each explains itself with --help.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"monet {monet.__version__}")
    parser.add_argument("command", nargs="?", help=argparse.SUPPRESS)
    arguments, further = parser.parse_known_args(argv)
    if arguments.command in commands():
        parser.error(f"commands are modules of their own; run: python -m monet.{arguments.command}")
    if arguments.command or further:
        given = [arguments.command] if arguments.command else []
        parser.error(f"unrecognized arguments: {' '.join([*given, *further])}")
    parser.print_help()
    return 0


if __name__ == "__main__":
    sys.exit(main())
