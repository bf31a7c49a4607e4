"""Runs one stage in this process, for `gpu.py`: NAME FOLDER SECONDS gpu|emulator.

A stage that crashes, hangs or leaves the GPU in error takes no other with it.
"""

from __future__ import annotations

import importlib
import sys
import time
import traceback
from pathlib import Path

_BENCHMARKS = Path(__file__).resolve().parents[1]
sys.path += [str(_BENCHMARKS), str(_BENCHMARKS.parent)]

from gpu_stages import STAGES  # noqa: E402
from gpu_stages.stage import Failed, NotRun, Stage  # noqa: E402


def main(name: str, folder: str, seconds: str, device: str) -> None:
    deadline = time.monotonic() + float(seconds)
    stage = Stage(name, Path(folder), device == "emulator", deadline)
    stage.save()
    module, _, function = STAGES[name].function.partition(":")
    try:
        getattr(importlib.import_module(f"gpu_stages.{module}"), function)(stage)
    except NotRun as reason:
        stage.save("not run", str(reason))
    except Failed as failure:
        stage.save("failed", str(failure))
    except ModuleNotFoundError as missing:
        if missing.name != "torch":
            raise
        stage.save("not run", "PyTorch is not installed")
    except Exception as error:
        traceback.print_exc(file=sys.stdout)
        stage.save("failed", f"{type(error).__name__}: {error}")
    else:
        stage.save("passed", "")


if __name__ == "__main__":
    main(*sys.argv[1:])
