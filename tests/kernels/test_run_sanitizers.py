"""The script that runs the kernels' tests under sanitizers tells what a sanitizer finds."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = """
#include <climits>
#include <stdexcept>
#include <thread>
int* volatile shared = new int[4]{};
extern "C" void clean() {
  try { throw std::runtime_error("caught"); } catch (const std::exception&) {}
}
extern "C" void address() { shared[4] = 1; }
extern "C" void undefined() { volatile int i = INT_MAX; i = i + 1; }
extern "C" void thread() {
  std::thread other([] { for (int i = 0; i < 1000; ++i) ++shared[0]; });
  for (int i = 0; i < 1000; ++i) ++shared[0];
  other.join();
}
"""
FOUND = {
    "address": "heap-buffer-overflow",
    "undefined": "signed integer overflow",
    "thread": "data race",
}
RUN = """
import sys
from pathlib import Path
from tests.kernels import run_sanitizers
folder = Path(sys.argv[2])
sys.exit(run_sanitizers.run_tests(sys.argv[1], folder, [folder / "test_faulty.py"], sys.argv[3]))
"""


@pytest.mark.parametrize("sanitizer", FOUND)
def test_a_finding_is_printed(tmp_path, sanitizer):
    library = tmp_path / "faulty.so"
    (tmp_path / "faulty.cc").write_text(CODE, encoding="utf-8")
    compiler = shutil.which("g++")
    build = ["-shared", "-fPIC", "-pthread", f"-fsanitize={sanitizer}", str(tmp_path / "faulty.cc")]
    if not compiler or subprocess.run([compiler, *build, "-o", str(library)]).returncode:
        pytest.skip(f"no g++ with its {sanitizer} sanitizer")
    (tmp_path / "test_faulty.py").write_text(
        "import ctypes\n"
        f"code = ctypes.CDLL({str(library)!r})\n"
        "def test_clean():\n    code.clean()\n"
        f"def test_{sanitizer}():\n    code.{sanitizer}()\n",
        encoding="utf-8",
    )

    def run(selection):
        command = [sys.executable, "-c", RUN, sanitizer, str(tmp_path), selection]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    clean = run("clean")
    assert clean.returncode == 0 and "1 passed" in clean.stdout, clean.stdout + clean.stderr
    dirty = run(f"clean or {sanitizer}")
    assert dirty.returncode != 0 and FOUND[sanitizer] in dirty.stdout, dirty.stdout + dirty.stderr
