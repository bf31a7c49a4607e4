"""The options that name a dataset."""

from __future__ import annotations

from monet._command_line.arguments import named_path


def add_data_options(parser, also: str = "") -> None:
    """Adds `--data`, `--painting-dir` and `--photo-dir`.

    Args:
        parser: an argument parser or a group of one.
        also: what else `--data` takes, for its help.
    """
    parser.add_argument(
        "--data",
        type=named_path,
        metavar="DIR",
        help="dataset folder: the competition's (monet_jpg or monet_tfrec, photo_jpg or "
        f"photo_tfrec), or one with trainA (paintings) and trainB (photos){also}",
    )
    parser.add_argument(
        "--painting-dir", type=named_path, metavar="DIR", help="instead of --data: paintings"
    )
    parser.add_argument(
        "--photo-dir", type=named_path, metavar="DIR", help="instead of --data: photos"
    )
