"""Runs the tests of the CPU kernels under sanitizers: memory, undefined behaviour, data races.

    python -m tests.kernels.run_sanitizers address undefined thread
    python -m tests.kernels.run_sanitizers address -k "conv or block"

Needs g++ with its sanitizers' libraries, pybind11 and pytest; takes some minutes for each.
TensorFlow has no part in it. Ends with pytest's summary, or with what the sanitizer found.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from monet_build import toolchain

ROOT = Path(__file__).resolve().parents[2]
CSRC = ROOT / "csrc"
SELF_TEST = Path(__file__).with_name("test_run_sanitizers.py")

# Name: the library that has to be loaded before Python, the options it reads, the tests it is for.
SANITIZERS = {
    # Python itself leaks by design; NumPy may ask for huge arrays, and is to get its null pointer.
    # What kernels get as working memory is full of NaN, so that reading it unwritten shows.
    "address": (
        "libasan.so",
        "ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1"
        ":max_malloc_fill_size=1073741824:malloc_fill_byte=255",
        "",
    ),
    "undefined": ("libubsan.so", "UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1", ""),
    # Only what runs on threads of its own can race.
    "thread": ("libtsan.so", "TSAN_OPTIONS=halt_on_error=1", "threads or repeated or concurrent"),
}


def build(sanitizer: str, folder: Path) -> None:
    """Makes `folder/monet/_kernels.so`, instrumented, in an otherwise empty package."""
    compiler = toolchain.find_compiler()
    flags = ["-std=c++17", "-O1", "-g", "-fPIC", "-fno-omit-frame-pointer", f"-I{CSRC}"]
    flags.append(f"-fsanitize={sanitizer}")
    python_sources = dict.fromkeys((CSRC / "python").glob("*.cc"), toolchain.python_flags())
    sources = toolchain.kernel_sources(CSRC / "kernels", compiler) | python_sources

    def compile_one(source: Path) -> str:
        target = folder / f"{source.parent.name}_{source.stem}.o"
        compiler.run([*flags, *sources[source], "-c", str(source), "-o", str(target)])
        return str(target)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compile_one, sources))
    package = folder / "monet"
    package.mkdir()
    (package / "__init__.py").touch()
    module = package / f"_kernels{sysconfig.get_config_var('EXT_SUFFIX')}"
    compiler.run(["-shared", "-pthread", flags[-1], *objects, "-o", str(module)])


def kernel_tests() -> list[Path]:
    """The test files that need the kernels' module and nothing else of the package."""
    return sorted(set(Path(__file__).parent.glob("test_*.py")) - {SELF_TEST})


def find_library(name: str) -> str:
    """Where g++ has one of its libraries."""
    done = subprocess.run(
        ["g++", f"-print-file-name={name}"], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def run_tests(sanitizer: str, folder: Path, tests: list[Path], selection: str = "") -> int:
    """Runs tests on the instrumented module in `folder`; returns pytest's exit code."""
    library, options, default_selection = SANITIZERS[sanitizer]
    name, _, value = options.partition("=")
    report = folder / "report"
    environment = os.environ | {
        # Python doesn't load the C++ library, in which the sanitizers look for what throws.
        "LD_PRELOAD": f"{find_library(library)} {find_library('libstdc++.so.6')}",
        # A sanitizer ends the process at once: what pytest has captured till then is lost.
        name: f"{value}:log_path={report}",
        "PYTHONPATH": str(folder),
    }
    command = [sys.executable, "-u", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    command += ["-o", "pythonpath="]  # `monet` is the package in `folder`, not the source tree
    if selection or default_selection:
        command += ["-k", selection or default_selection]
    done = subprocess.run([*command, *map(str, tests)], cwd=folder, env=environment)
    for found in sorted(folder.glob(f"{report.name}.*")):
        print(f"\n{found.read_text(errors='replace')}", flush=True)
    print(f"pytest ended with exit code {done.returncode}", flush=True)
    return done.returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "sanitizers",
        nargs="+",
        choices=SANITIZERS,
        metavar="SANITIZER",
        help=f"one or more of {', '.join(SANITIZERS)}",
    )
    parser.add_argument("-k", default="", metavar="EXPRESSION", help="only these tests, see pytest")
    arguments = parser.parse_args()
    failed = []
    for sanitizer in arguments.sanitizers:
        with tempfile.TemporaryDirectory() as folder:
            print(f"== {sanitizer}", flush=True)
            build(sanitizer, Path(folder))
            if run_tests(sanitizer, Path(folder), kernel_tests(), arguments.k):
                failed.append(sanitizer)
    print(f"failed: {', '.join(failed)}" if failed else "no sanitizer complained")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
