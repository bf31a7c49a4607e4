"""What setuptools can't read from pyproject.toml: the native parts, and the TensorFlow they need.

Environment:
    MONET_BUILD: `auto` builds what it can, and CUDA if nvcc is there and the installed TensorFlow
        uses GPUs; `cpu` leaves CUDA out and `cuda` wants it, and both fail if they can't build
        what they name, or if a `switch` forgets a case; `none` doesn't build anything.
    MONET_CUDA_ARCHS: GPU architectures to compile for, such as `75;86`.
    CUDA_HOME: where the CUDA toolkit is, unless nvcc is on `PATH`.
    CXX: the C++ compiler.
    SOURCE_DATE_EPOCH: the date of the files in a wheel, in seconds since 1970.

A build ends with a table of what was built and why the rest was not, and leaves the same beside the
library for `python -m monet.info`.
"""

from pathlib import Path

from setuptools import Extension, setup

import monet
from monet_build import environment, toolchain
from monet_build.commands import BuildNative, BuildPython

environment.check()

setup(
    version=monet.__version__,
    license="Apache-2.0",
    packages=[
        path.parent.as_posix().replace("/", ".")
        for path in sorted(Path("monet").rglob("__init__.py"))
    ],
    include_package_data=False,
    package_data={"monet": ["py.typed"], "monet.data": ["sample_pictures/*/*.jpg"]},
    ext_modules=[Extension("monet._kernels", [])],
    cmdclass={"build_ext": BuildNative, "build_py": BuildPython},
    install_requires=[toolchain.required_tensorflow(), "numpy>=1.26", "pillow>=10"],
    zip_safe=False,
)
