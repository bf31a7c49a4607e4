"""Opening a saved model the way another program would."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

_PROGRAM = """
import sys
import keras, numpy as np
import monet.layers
model = keras.models.load_model(sys.argv[1], safe_mode=True)
np.save(sys.argv[3], model(np.load(sys.argv[2])))
"""


@pytest.fixture
def run_in_a_fresh_process():
    """What the model saved at `path` makes of `inputs`, computed by a new Python process."""

    def run(path: Path, inputs: np.ndarray) -> np.ndarray:
        inputs_file, outputs_file = path.with_suffix(".in.npy"), path.with_suffix(".out.npy")
        np.save(inputs_file, inputs)
        command = [sys.executable, "-c", _PROGRAM, str(path), str(inputs_file), str(outputs_file)]
        result = subprocess.run(command, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        return np.load(outputs_file)

    return run
