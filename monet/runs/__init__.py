"""Training runs: start one, go on with one, open one, paint with it.

```python
from monet import runs

run = runs.start("cyclegan", data="gan-getting-started", out="runs/monet", epochs=20)
run = runs.resume("runs/monet", epochs=40)
run = runs.open("runs/monet")
run.history()[-1]["cycle_loss"]
run.paint("holiday", "holiday-by-monet.zip")
```

A run is a folder; `monet.runs.run_folder.RunFolder` says what is in it. Mistakes are `RunError` (or
`monet.data.DataError`, of the pictures), with what to do about them. Importing this package doesn't
import TensorFlow.
"""

from __future__ import annotations

from monet.runs.interruption import Interrupted
from monet.runs.resuming import resume
from monet.runs.run import Run
from monet.runs.run import open_run as open
from monet.runs.run_folder import RunError
from monet.runs.starting import start

__all__ = ["Interrupted", "Run", "RunError", "open", "resume", "start"]
