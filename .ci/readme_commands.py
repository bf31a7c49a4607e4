"""Runs the commands of a Markdown document as a reader would type them.

    python .ci/readme_commands.py README.md           # runs them
    python .ci/readme_commands.py README.md --list    # shows what it would run

Every block of `sh` is run by bash, in the current folder, from the first to the last, in one shell:
what a block sets up (a virtual environment, say) is there for those below. The first command that
fails ends the run. A block that can't be run as it stands has an HTML comment in the line above it:

    <!-- ci skip: needs a GPU -->                        leaves the next block out
    <!-- ci replace: monet.train => monet.train -e 1 --> runs it with other words in it

`skip` takes a reason; there may be more than one `replace`. All of it is printed.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

_BLOCK = re.compile(r"(?P<comments>(?:<!--.*?-->\s*\n)*)```sh\n(?P<code>.*?)^```$", re.S | re.M)
_COMMENT = re.compile(r"<!--\s*ci (?P<verb>\w+):\s*(?P<rest>.*?)\s*-->", re.S)


class DocumentError(ValueError):
    """A comment that this script doesn't understand, or a replacement of what isn't there."""


@dataclasses.dataclass(frozen=True)
class Block:
    """A block of commands.

    Attributes:
        line: where it begins, from 1 on.
        typed: what the document shows.
        code: what is run in its place.
        skipped: why it isn't run; empty if it is.
    """

    line: int
    typed: str
    code: str
    skipped: str = ""


def blocks(text: str) -> Iterator[Block]:
    """The blocks of `text`, a document in Markdown.

    Raises:
        DocumentError: see there.
    """
    for found in _BLOCK.finditer(text):
        line = text.count("\n", 0, found.start("code")) + 1
        typed = code = found["code"].rstrip("\n")
        skipped = ""
        for comment in _COMMENT.finditer(found["comments"]):
            verb, rest = comment["verb"], comment["rest"]
            if verb == "skip" and rest:
                skipped = rest
            elif verb == "replace" and " => " in rest:
                old, _, new = rest.partition(" => ")
                if old not in code:
                    raise DocumentError(f"line {line}: there is no {old!r} to replace in {typed!r}")
                code = code.replace(old, new)
            else:
                raise DocumentError(f"line {line}: {comment[0]} is neither skip nor replace")
        yield Block(line, typed, code, skipped)


def script(document: str, found: Sequence[Block]) -> str:
    """What bash runs: it names each block before it does."""
    lines = ["set -euo pipefail"]
    for block in found:
        where = f"{document}:{block.line}"
        if block.skipped:
            lines.append(_say(f"--- {where} left out: {block.skipped}"))
            continue
        note = "" if block.code == block.typed else " (as the comment above it says)"
        lines += [_say(f"--- {where}{note}"), _say(block.code), block.code]
    return "\n".join([*lines, ""])


def _say(text: str) -> str:
    quoted = text.replace("'", "'\\''")
    return f"printf '%s\\n' '{quoted}'"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("document", type=Path, help="a Markdown file")
    parser.add_argument("--list", action="store_true", help="only show what would be run")
    arguments = parser.parse_args(argv)
    text = arguments.document.read_text(encoding="utf-8")
    try:
        found = list(blocks(text))
    except DocumentError as error:
        print(f"{arguments.document}: {error}", file=sys.stderr)
        return 2
    if not found:
        print(f"{arguments.document} has no block of sh", file=sys.stderr)
        return 2
    commands = script(str(arguments.document), found)
    if arguments.list:
        print(commands)
        return 0
    started = time.monotonic()
    code = subprocess.run(["bash", "-c", commands]).returncode
    run = sum(not block.skipped for block in found)
    said = "all worked" if code == 0 else f"the last one failed with exit code {code}"
    seconds = time.monotonic() - started
    print(f"{arguments.document}: {run} of {len(found)} blocks, {said} ({seconds:.0f} s)")
    return code


if __name__ == "__main__":
    sys.exit(main())
