"""Which C++ and CUDA sources a build was made from: written down by it, compared when it is loaded.

For `monet_build` too, so it imports nothing but the standard library.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

SUFFIXES = (".cc", ".cu", ".h", ".cuh")


def fingerprints(csrc: Path) -> dict[str, str]:
    """A hash of names and contents of the sources in each folder of `csrc`, by folder.

    A few milliseconds, and empty where there is no such folder, as beside an installed package.
    """
    digests = {}
    for folder in sorted(path for path in csrc.glob("*") if path.is_dir()):
        digest = hashlib.sha256()
        for path in sorted(folder.rglob("*")):
            if path.suffix in SUFFIXES:
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                digest.update(f"{path.relative_to(folder).as_posix()} {content}\n".encode())
        digests[folder.name] = digest.hexdigest()
    return digests


def changed(built_from: dict[str, str], csrc: Path) -> list[str]:
    """The folders of `csrc` whose sources are not those that a build was made from.

    Args:
        built_from: `fingerprints` of the build.
        csrc: the folder; where there is none, nothing has changed.
    """
    now = fingerprints(csrc)
    return [name for name in now if built_from.get(name) != now[name]]
