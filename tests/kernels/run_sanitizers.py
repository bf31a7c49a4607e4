"""Runs the tests of the CPU kernels under sanitizers: memory, undefined behaviour, data races.

    python tests/kernels/run_sanitizers.py address undefined thread

Needs g++ with its sanitizers' libraries, pybind11 and pytest; takes some minutes for each.
TensorFlow has no part in it.
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

ROOT = Path(__file__).resolve().parents[2]
CSRC = ROOT / "csrc"
sys.path.insert(0, str(CSRC))

import toolchain  # noqa: E402

# Name: the library that has to be loaded before Python, the options it reads, the tests it is for.
SANITIZERS = {
    # Python itself leaks by design; NumPy may ask for huge arrays, and is to get its null pointer.
    "address": ("libasan.so", "ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1", ""),
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
    sources = toolchain.kernel_sources(CSRC / "kernels") | python_sources

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


def run_tests(sanitizer: str, folder: Path) -> int:
    """Runs the kernels' tests on the instrumented module; returns pytest's exit code."""
    library, options, selection = SANITIZERS[sanitizer]
    preload = subprocess.run(
        ["g++", f"-print-file-name={library}"], capture_output=True, text=True, check=True
    ).stdout.strip()
    name, _, value = options.partition("=")
    environment = os.environ | {"LD_PRELOAD": preload, name: value, "PYTHONPATH": str(folder)}
    tests = [str(test) for test in sorted(Path(__file__).parent.glob("test_*.py"))]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    if selection:
        command += ["-k", selection]
    return subprocess.run(command, cwd=folder, env=environment).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sanitizers", nargs="+", choices=SANITIZERS, metavar="SANITIZER",
                        help=f"one or more of {', '.join(SANITIZERS)}")
    failed = []
    for sanitizer in parser.parse_args().sanitizers:
        with tempfile.TemporaryDirectory() as folder:
            print(f"== {sanitizer}", flush=True)
            build(sanitizer, Path(folder))
            if run_tests(sanitizer, Path(folder)):
                failed.append(sanitizer)
    print(f"failed: {', '.join(failed)}" if failed else "no sanitizer complained")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
