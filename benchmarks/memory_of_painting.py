"""Prints the most memory that a process takes which paints, as JSON, in bytes: "resident".

Run by test_painting.py in a process of its own: `python memory_of_painting.py ARM GENERATOR PHOTOS
OUTPUT`, where ARM is "network", alone and over photos in memory, or "monet", the whole command.
Linux only.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from memory import resident


def main() -> None:
    arm, generator, photos, output = sys.argv[1], *map(Path, sys.argv[2:])
    if arm == "monet":
        from monet import generate

        options = ["--model", generator, "--input", photos, "--output", output, "--overwrite"]
        if code := generate.main([*map(str, options)]):
            sys.exit(code)
    else:
        from painting_arms import network_arm, read_photos

        from monet.inference import load_generator

        network_arm(load_generator(generator), read_photos(photos))()
    print(json.dumps({"resident": resident("VmHWM")}))


if __name__ == "__main__":
    main()
