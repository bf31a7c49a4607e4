"""The two domains of a training run, found in the layouts in which people have them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

from monet._files import StrPath
from monet._text import count
from monet.data.folders import DataError, check_folder, find_files, is_image_name
from monet.data.sources import ImageFolder, ImageSource, NoImages
from monet.data.tfrecords import TFRecordFolder, is_tfrecord_name

# Subfolders by domain, the preferred one first. In trainA/trainB the names alone don't say which is
# which: A holds the paintings and B the photos, as in the dataset monet2photo.
_LAYOUTS = (
    (("monet_jpg", "monet_tfrec"), ("photo_jpg", "photo_tfrec")),
    (("traina",), ("trainb",)),
)
_EXPECTED = "monet_jpg or monet_tfrec with photo_jpg or photo_tfrec, or trainA with trainB"

SAMPLE_SET = Path(__file__).parent / "sample_pictures"
"""The dataset folder that comes with the package; `python -m tools.sample_set` paints it anew."""


@dataclass(frozen=True)
class Domains:
    """Paintings and photos, unpaired.

    Attributes:
        paintings: what the photos shall look like.
        photos: what is to be repainted; none where they aren't needed.
        description: one line for people, naming what was found where.
    """

    paintings: ImageSource
    photos: ImageSource
    description: str

    def fingerprint(self) -> str:
        """A hash of the names, the order and the sizes of all picture files."""
        return f"{self.paintings.fingerprint()[:32]}-{self.photos.fingerprint()[:32]}"

    @property
    def folders(self) -> list[Path]:
        """Where they are read from."""
        folders = (self.paintings.folder, self.photos.folder)
        return [folder for folder in folders if folder is not None]


def open_domains(
    data: StrPath | None = None,
    *,
    painting_dir: StrPath | None = None,
    photo_dir: StrPath | None = None,
    photos: bool = True,
    tfrecords: bool = False,
) -> Domains:
    """Opens the training data.

    Args:
        data: a dataset folder. Either the competition's (`monet_jpg` or `monet_tfrec`, with
            `photo_jpg` or `photo_tfrec`; JPEG is preferred where both are there), or a CycleGAN
            dataset with `trainA` and `trainB`: A are the paintings, B the photos, as in
            monet2photo. Folder names are matched in any case.
        painting_dir: instead of `data`, a folder of paintings (picture files or TFRecords).
        photo_dir: instead of `data`, a folder of photos (picture files or TFRecords).
        photos: whether photos are needed. If not, they are left alone where they are, and `data`
            may be a dataset folder without them or any folder of paintings.
        tfrecords: prefer TFRecords to picture files where both are there. Where there are none,
            picture files are read, with a warning.

    With no argument at all, the embedded sample set is opened.

    Returns:
        The two sources, with a description.

    Raises:
        DataError: the arguments don't go together, or a folder is missing, empty or unreadable.
    """
    if data is not None and (painting_dir is not None or photo_dir is not None):
        raise DataError("Give either a dataset folder or two folders of pictures, not both.")
    if not photos and data is not None:
        return _open_paintings(Path(data), tfrecords)
    if not photos and painting_dir is not None:
        _check_is_one_domain(Path(painting_dir))
        return _open_paintings(Path(painting_dir), tfrecords)
    if data is not None:
        return _open_dataset(Path(data), f"{data}: ", tfrecords)
    if painting_dir is not None and photo_dir is not None:
        return _open_pair(Path(painting_dir), Path(photo_dir), tfrecords)
    if painting_dir is not None or photo_dir is not None:
        missing = "photo" if photo_dir is None else "painting"
        raise DataError(f"The {missing} folder is missing: two folders of pictures are needed.")
    return _open_dataset(SAMPLE_SET, "the embedded sample set: ", tfrecords)


def dataset_folders(data: StrPath) -> list[Path]:
    """The folders of pictures in a dataset folder, both formats where both are there."""
    painting_folders, photo_folders = _find_layout(Path(data)) or ([], [])
    return [*painting_folders, *photo_folders]


def open_folder(folder: StrPath, *, tfrecords: bool = False) -> ImageSource:
    """Opens a folder of picture files, or else of TFRecords.

    Where both are there the picture files are read, with a warning.

    Args:
        folder: which.
        tfrecords: take the TFRecords where both are there, and warn where there are none.

    Raises:
        DataError: the folder is missing, holds neither, or nothing in it can be read.
    """
    folder = Path(folder)
    files = find_files(folder, lambda name: is_image_name(name) or is_tfrecord_name(name))
    pictures = sum(map(is_image_name, files))
    if tfrecords and len(files) > pictures:
        return TFRecordFolder(folder)
    if pictures:
        if tfrecords:
            warnings.warn(
                f"{folder} holds no TFRecords, which were asked for: its pictures are read, whose "
                "pixels may differ.",
                stacklevel=2,
            )
        elif len(files) > pictures:
            warnings.warn(
                f"{folder} holds {count(pictures, 'picture file')} and "
                f"{count(len(files) - pictures, 'TFRecord file')}: only the former are read.",
                stacklevel=2,
            )
        return ImageFolder(folder)
    if files:
        return TFRecordFolder(folder)
    raise DataError(f"{folder} holds neither pictures (.jpg, .png, ...) nor TFRecords (.tfrec).")


def _open_pair(painting_dir: Path, photo_dir: Path, tfrecords: bool) -> Domains:
    _check_is_one_domain(painting_dir)
    _check_is_one_domain(photo_dir)
    one, other = painting_dir.resolve(), photo_dir.resolve()
    if one == other or one in other.parents or other in one.parents:
        raise DataError(
            f"The folder of paintings ({painting_dir}) and that of photos ({photo_dir}) "
            "must be different, and neither inside the other."
        )
    paintings, photos = (
        open_folder(folder, tfrecords=tfrecords) for folder in (painting_dir, photo_dir)
    )
    return _domains(paintings, photos, "")


def _check_is_one_domain(folder: Path) -> None:
    if folder.is_dir() and _find_layout(folder):
        raise DataError(
            f"{folder} is a whole dataset, not a folder of one kind of picture; "
            "give it as the dataset folder (`data`)."
        )


def _open_paintings(folder: Path, tfrecords: bool) -> Domains:
    """The paintings of a dataset folder, or of a folder of nothing else."""
    check_folder(folder)
    prefix, folders = "", [folder]
    layout = _find_layout(folder)
    if layout is not None:
        prefix, folders = f"{folder}: ", layout[0]
        if not folders:
            raise DataError(
                f"{folder} has no paintings: monet_jpg, monet_tfrec or trainA is missing."
            )
    paintings = _open_first(folders, tfrecords)
    return Domains(paintings, NoImages(), f"{prefix}{_as(paintings, 'painting')}")


def _open_dataset(folder: Path, prefix: str, tfrecords: bool) -> Domains:
    check_folder(folder)
    layout = _find_layout(folder)
    if layout is None:
        raise DataError(f"{folder} is not a dataset: it needs {_EXPECTED}.{_hint(folder)}")
    painting_folders, photo_folders = layout
    for found, expected, kind in (
        (painting_folders, "monet_jpg, monet_tfrec or trainA", "paintings"),
        (photo_folders, "photo_jpg, photo_tfrec or trainB", "photos"),
    ):
        if not found:
            raise DataError(f"{folder} has no {kind}: {expected} is missing.")
    paintings, photos = (
        _open_first(folders, tfrecords) for folders in (painting_folders, photo_folders)
    )
    return _domains(paintings, photos, prefix)


def _domains(paintings: ImageSource, photos: ImageSource, prefix: str) -> Domains:
    return Domains(
        paintings,
        photos,
        f"{prefix}{_as(paintings, 'painting')}, {_as(photos, 'photo')}",
    )


def _as(source: ImageSource, what: str) -> str:
    return source.description.replace("picture", what, 1)


def _find_layout(folder: Path) -> tuple[list[Path], list[Path]] | None:
    """The subfolders of paintings and of photos that are there, or None if there are none."""
    subfolders = {path.name.lower(): path for path in _subfolders(folder)}
    for names in _LAYOUTS:
        paintings, photos = (
            [subfolders[name] for name in side if name in subfolders] for side in names
        )
        if paintings or photos:
            return paintings, photos
    return None


def _subfolders(folder: Path) -> list[Path]:
    """The folders in a folder; none if it can't be listed."""
    try:
        return [path for path in sorted(folder.iterdir()) if path.is_dir()]
    except OSError:
        return []


def _open_first(folders: list[Path], tfrecords: bool) -> ImageSource:
    """Opens the first folder that has something to read; the errors of all if none has."""
    errors = []
    for folder in reversed(folders) if tfrecords else folders:
        try:
            return open_folder(folder, tfrecords=tfrecords)
        except DataError as error:
            errors.append(str(error))
    raise DataError(" ".join(errors))


def _hint(folder: Path) -> str:
    """What the user may have meant."""
    if _find_layout(folder.resolve().parent):
        return f" Did you mean the folder above, {folder.resolve().parent}?"
    inside = [path for path in _subfolders(folder) if _find_layout(path)]
    if inside:
        return f" Did you mean {inside[0]}?"
    return " For two folders of pictures, name each (`painting_dir`, `photo_dir`)."
