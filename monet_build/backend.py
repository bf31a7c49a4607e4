"""The build backend that pyproject.toml names: setuptools, with the source tree importable.

pip runs it in the source tree's root, and `backend-path` puts that on `sys.path`, for setup.py to
import this package.
"""

from setuptools.build_meta import *  # noqa: F403
