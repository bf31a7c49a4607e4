"""The sample set that comes with the package: painted landscapes, and the same kind unpainted.

`python -m monet.data.sample_set --output DIR` writes it as a dataset folder.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from monet._command_line import CommandError, HelpFormatter, run
from monet.data.domains import SAMPLE_SET, Domains, dataset_folders, open_domains


def write_sample_set(folder: str | os.PathLike) -> Domains:
    """Copies the sample set, laid out like the competition's data.

    Args:
        folder: gets `monet_jpg/` and `photo_jpg/`; made if it doesn't exist.

    Returns:
        What was written.
    """
    for source in dataset_folders(SAMPLE_SET):
        target = Path(folder) / source.name
        target.mkdir(parents=True, exist_ok=True)
        for picture in source.iterdir():
            shutil.copyfile(picture, target / picture.name)
    return open_domains(folder)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m monet.data.sample_set",
        description="Write the embedded sample set as a dataset folder (monet_jpg, photo_jpg).",
        formatter_class=HelpFormatter,
    )
    parser.add_argument("--output", required=True, metavar="DIR", help="folder to write to")
    args = parser.parse_args(argv)
    return run(lambda: _write(args.output))


def _write(output: str) -> int:
    try:
        domains = write_sample_set(output)
    except OSError as error:
        raise CommandError(f"can't write to {output}: {error.strerror or error}.") from error
    print(f"Wrote {domains.description}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
