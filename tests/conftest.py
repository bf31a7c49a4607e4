"""What all tests share: Ctrl-C that interrupts, seeds, pictures, and a real browser for pages."""

from __future__ import annotations

import html
import json
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

# Notes errors from the first moment on; the listener on capture sees pictures that don't load.
_BEFORE = """<script>
window.problems = [];
addEventListener("error", event => problems.push(event.message || event.target.outerHTML), true);
addEventListener("unhandledrejection", event => problems.push(String(event.reason)));
for (const kind of ["error", "warn"]) console[kind] = (...texts) => problems.push(texts.join(" "));
</script>"""

_AFTER = """<pre id="found"></pre><script>
addEventListener("load", async () => {
  const result = await (async () => { %s })();
  const images = [];
  for (const image of document.images) {
    image.loading = "eager";
    if (!image.complete) await new Promise(done => image.onload = image.onerror = done);
    images.push([image.getAttribute("src"), image.naturalWidth]);
  }
  const requests = performance.getEntriesByType("resource").map(entry => entry.name);
  document.getElementById("found").textContent =
    JSON.stringify({result, images, requests, problems});
});
</script>"""


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """Where Keras is imported, a test's weights and noise don't depend on chance or other tests."""
    if "keras" in sys.modules:  # tests of the kernels need neither it nor TensorFlow
        sys.modules["keras"].utils.set_random_seed(0)


@pytest.fixture(scope="session", autouse=True)
def ctrl_c():
    """Ctrl-C interrupts, as tests send it: a shell's background jobs are started to ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def noise_pictures() -> Callable[..., Path]:
    """Fills a folder with small pictures of coloured noise.

    `noise_pictures(folder, trainA=3, trainB=5)` makes so many PNGs in subfolders, and
    `noise_pictures(folder, 3)` in the folder itself; `shape` is their height and width.
    """

    def fill(folder: Path, count: int = 0, *, shape: tuple[int, int] = (36, 40), **counts: int):
        random = np.random.default_rng(0)
        for subfolder, number in {".": count, **counts}.items():
            (folder / subfolder).mkdir(parents=True, exist_ok=True)
            for index in range(number):
                pixels = random.integers(0, 255, (*shape, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / subfolder / f"{index}.png")
        return folder

    return fill


@pytest.fixture
def in_time() -> Callable[[Callable[[], Any]], Any]:
    """Calls a function in a thread of its own; fails if it takes more than half a minute."""

    def call(function: Callable[[], Any]) -> Any:
        future: Future = Future()

        def work() -> None:
            try:
                future.set_result(function())
            except BaseException as error:
                future.set_exception(error)

        threading.Thread(target=work, daemon=True).start()
        return future.result(timeout=30)

    return call


@pytest.fixture(scope="session")
def open_in_browser(tmp_path_factory) -> Callable[..., dict]:
    """Opens a page from disk in a headless browser and says what happened.

    Takes the path of the page and, optionally, the body of an async JavaScript function to run in
    it. Returns `result` (what that returned), `images` (src and natural width of each `<img>`),
    `requests` (addresses of everything loaded) and `problems` (script and console errors,
    pictures that don't load).
    """
    browser = next(filter(None, map(shutil.which, _NAMES)), None)
    if browser is None:
        pytest.skip(f"needs a browser on PATH: {', '.join(_NAMES)}")

    def open_page(page: Path, script: str = "") -> dict:
        text = page.read_text(encoding="utf-8")
        assert text.count("<head>") == text.count("</body>") == 1
        text = text.replace("<head>", "<head>" + _BEFORE)
        text = text.replace("</body>", _AFTER % script + "</body>")
        copy = page.with_name("in-the-browser.html")  # beside the pictures it links to
        copy.write_text(text, encoding="utf-8")
        command = [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
        ]
        command += [f"--user-data-dir={tmp_path_factory.mktemp('browser')}", "--no-first-run"]
        command += ["--virtual-time-budget=20000", "--dump-dom", copy.as_uri()]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=180)
        finally:
            copy.unlink()
        found = re.search(r'<pre id="found">(\{.*\})</pre>', done.stdout, re.DOTALL)
        assert found, f"the page didn't finish: {done.stdout[-500:]} {done.stderr[-2000:]}"
        return json.loads(html.unescape(found[1]))

    return open_page
