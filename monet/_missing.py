"""One sentence, in place of a trace, where a package that this one needs was removed."""

from __future__ import annotations

import sys
from types import TracebackType

INSTALL_TENSORFLOW = "pip install 'tensorflow>=2.19,<2.22'"

_REMEDIES = {
    "numpy": "NumPy is not installed; run: pip install numpy",
    "PIL": "Pillow is not installed; run: pip install pillow",
    "tensorflow": f"TensorFlow is not installed; run: {INSTALL_TENSORFLOW}",
}


def what_is_missing(error: BaseException) -> str | None:
    """What is not installed and what to do, if `error` comes of that."""
    return _REMEDIES.get(error.name or "") if isinstance(error, ModuleNotFoundError) else None


def tell_in_one_sentence() -> None:
    """From now on, an import that fails because of that ends the process with a sentence."""
    before = sys.excepthook

    def hook(
        kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        missing = what_is_missing(error)
        if missing is None:
            before(kind, error, traceback)
        else:
            print(f"error: {missing}", file=sys.stderr)

    sys.excepthook = hook
