"""Builds amx_check.cc, which compares the AMX kernels with an emulation of the instructions.

    python -m tests.kernels.amx_check amx_check && ./amx_check

With --static the program needs no library and no Python where it is run.

It has been run, and all agreed, on the Sapphire Rapids CPU of the PC emulator Bochs 3.0, under
Linux 6.12, with one thread. Not on hardware. Bochs has no XFD, without which Linux grants no tiles:
they were switched on behind its back. So what that run doesn't cover is asking Linux for tiles, and
how it keeps them when it switches threads.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import os
import sys
import tempfile
from pathlib import Path

from monet_build import toolchain

CSRC = Path(__file__).resolve().parents[2] / "csrc"

SOURCES = [
    Path(__file__).with_suffix(".cc"),
    CSRC / "python" / "amx_emulated.cc",
    CSRC / "python" / "std_thread_pool.cc",
]


def build(target: Path, static: bool = False) -> None:
    compiler = toolchain.find_compiler()
    sources = toolchain.kernel_sources(CSRC / "kernels", compiler) | dict.fromkeys(SOURCES, [])
    with tempfile.TemporaryDirectory() as folder:

        def compile_one(source: Path) -> str:
            out = str(Path(folder) / f"{source.parent.name}_{source.stem}.o")
            flags = ["-std=c++17", "-O2", f"-I{CSRC}", *sources[source]]
            compiler.run([*flags, "-c", str(source), "-o", out])
            return out

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            objects = list(pool.map(compile_one, sources))
        link = ["-static"] if static else []
        compiler.run(["-pthread", *link, *objects, "-o", str(target)])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", type=Path, help="where to put the program")
    parser.add_argument("--static", action="store_true", help="link statically")
    arguments = parser.parse_args()
    build(arguments.target, arguments.static)
    return 0


if __name__ == "__main__":
    sys.exit(main())
