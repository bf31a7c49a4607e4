"""The commands of setuptools that setup.py has of its own."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

from monet_build import native

# Under the folder that setuptools builds in anyway. Objects stay there for the next build.
_OBJECTS = Path("build", "objects")
_BUILT = Path("build", "native")


class BuildNative(build_ext):
    """Builds the native parts and puts them into the wheel and beside the sources.

    Beside the sources because Python, started in the root of the source tree, imports the package
    from there and not what is installed.
    """

    def run(self):
        shutil.rmtree(_BUILT, ignore_errors=True)
        record = native.build(_BUILT.resolve(), _OBJECTS.resolve())
        packages = [Path("monet")]
        if not (self.inplace or getattr(self, "editable_mode", False)):
            packages.append(Path(self.build_lib, "monet"))
        for package in packages:
            native.put(_BUILT, package)
        shutil.rmtree(_BUILT)
        print(native.table(record), file=sys.stderr)
        native.require(record)

    def get_outputs(self):
        return [str(Path(self.build_lib, "monet", name)) for name in native.OUTPUTS]

    def get_output_mapping(self):
        return {}


class BuildPython(build_py):
    """Copies the modules, and none that an earlier build has left and the sources have no more."""

    def run(self):
        if not getattr(self, "editable_mode", False):
            shutil.rmtree(Path(self.build_lib, "monet"), ignore_errors=True)
        super().run()
