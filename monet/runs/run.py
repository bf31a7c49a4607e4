"""A run in its folder, to look at and to paint with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monet._files import StrPath
from monet.runs.run_folder import RunFolder
from monet.runs.settings import Settings
from monet.systems import Recipe

if TYPE_CHECKING:
    import keras

    from monet.data import ImageSource
    from monet.inference.exporting import Exported
    from monet.inference.painting import Painted
    from monet.metrics import PictureSet


class Run:
    """A training run, finished or not; `monet.runs.open` gives one.

    Args:
        folder: the run's folder.

    Attributes:
        path: where it is.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self.path: Path = folder.path

    def __repr__(self) -> str:
        return f"<Run {self.path}>"

    @property
    def settings(self) -> Settings:
        """Everything that decided its result, as `config.json` keeps it.

        Raises:
            RunError: that file can't be read.
        """
        return Settings.from_config(self._folder.read_config())

    @property
    def recipe(self) -> Recipe:
        """What it trains, with all fields that were changed."""
        return self.settings.recipe

    def history(self) -> list[dict[str, float]]:
        """The rows of `history.csv`: losses, learning rate, seconds, …

        One per finished epoch, and some between, with a fraction for their `epoch` and the means of
        that epoch so far.

        Raises:
            RunError: that file can't be read.
        """
        return self._folder.history()

    def samples(self) -> list[tuple[int, Path]]:
        """The sample sheets as (epoch, path), in order; epoch 0 is before training."""
        return self._folder.samples()

    def draw_figures(self) -> list[Path]:
        """Draws `figures/` anew, as it is drawn when the training ends or stops.

        PNG files: `curves.png` with all curves, where matplotlib is installed; `epochs.png`, the
        same pictures at every 50th epoch side by side, or at some of a shorter run; `pairs.png`,
        the photos of the newest sample sheet beside what was made of them; or for a generator that
        paints from noise in place of these `latents.png`, always from the same noise.

        Returns:
            Their paths, without those that there is nothing for yet.

        Raises:
            RunError: the run's records can't be read.
            OSError: the folder can't be written.
        """
        from monet.runs.figures import draw_figures

        return draw_figures(self._folder)

    def generator(self, *, which: str | None = None, mixed_precision: str = "auto") -> keras.Model:
        """A generator, in the precision that suits this machine.

        Args:
            which: "best", which a run has that is evaluated while it trains, or "last"; by default
                the best where there is one.
            mixed_precision: "auto", "off", "float16" or "bfloat16".

        Raises:
            GeneratorError: there is none yet, or it can't be read.
        """
        from monet.inference import load_generator

        return load_generator(self.path, precision=mixed_precision, which=which)

    def pictures(
        self, photos: ImageSource, *, count: int, size: int = 256, seed: int = 0
    ) -> PictureSet:
        """What it paints of some photos, or from noise, to be judged by `monet.metrics.evaluate`.

        With the same `count` and `seed`, `monet.metrics.pictures_of` takes the same photos.

        Args:
            photos: what it paints, such as `monet.data.open_domains().photos`.
            count: how many of them at most; from noise, how many pictures.
            size: both sides of photos and pictures, in pixels.
            seed: which photos, and of the noise.

        Returns:
            The pictures, which are painted when they are read.
        """
        from monet.metrics.sample import choose
        from monet.runs.painted_set import painted_set

        return painted_set(
            self.path,
            photos,
            choose(len(photos), count, seed),
            size,
            name=self.path.name,
            count=count,
            seed=seed,
        )

    def paint(
        self,
        inputs: StrPath | Sequence[StrPath] | None = None,
        output: StrPath = "images.zip",
        faithful: bool = False,
        **options: Any,
    ) -> Painted:
        """Paints photos, or from noise, with the best generator or the newest.

        ```python
        runs.open("runs/monet").paint("holiday", "holiday-by-monet")
        runs.open("runs/noise").paint(output="images.zip", count=16)
        ```

        Args:
            inputs: picture files, or folders of pictures or TFRecords; None to paint from noise.
            output: a `.zip` archive, a folder, or for a single picture its file.
            faithful: whether to write pictures as the notebook behind the recipe does: its names,
                its quality, levels rounded down.
            **options: see `monet.inference.PaintOptions`.

        Returns:
            How many pictures were written, and which inputs could not be read.

        Raises:
            DataError: an input doesn't exist, or none can be read.
            OutputError: the output can't be written or must not be overwritten.
            GeneratorError: there is no generator, or it is not for such inputs.
            ValueError: `faithful`, but no notebook is behind the recipe.
        """
        from monet.inference.painting import paint
        from monet.systems.documents import document_of

        if faithful:
            options["style"] = document_of(self.recipe).style
        return paint(self.path, inputs, output, **options)

    def export(
        self,
        format: str,
        output: StrPath | None = None,
        *,
        size: int | None = None,
        which: str | None = None,
        overwrite: bool = False,
    ) -> Exported:
        """Writes the best generator or the newest for programs without this package.

        ```python
        runs.open("runs/monet").export("onnx")  # runs/monet/generator.onnx
        ```

        Args:
            format: "savedmodel", "onnx" (which needs the package tf2onnx) or "tflite".
            output: a file, or for "savedmodel" a folder; by default in the run's folder.
            size: side of the pictures, in pixels, for a file that takes one picture of that size at
                a time; by default it takes any number of all sizes that the generator takes.
            which: "best" or "last"; by default the best where there is one.
            overwrite: whether to replace an existing output.

        Returns:
            Where it is, what it takes, and how far it is from the Keras model.

        Raises:
            GeneratorError: there is no generator yet, or it can't be read.
            OutputError: the output can't be written or must not be overwritten.
            ExportError: the generator can't be had in this format or size, or a package is missing.
        """
        from monet.inference.exporting import export

        return export(self.path, format, output, size=size, which=which, overwrite=overwrite)


def open_run(path: StrPath | None = None) -> Run:
    """Opens a run to look at or to paint with; it may be training at the time.

    ```python
    run = runs.open("runs/monet")
    print(run.recipe.name, run.history()[-1]["cycle_loss"])
    ```

    Args:
        path: the run's folder; by default the newest in `runs`.

    Raises:
        RunError: `path` is not a run.
    """
    from monet.runs.run_folder import newest_run

    return Run(RunFolder.find(newest_run() if path is None else path))
