from __future__ import annotations

import gzip
import os
import struct

import numpy as np
import pytest

from monet.data import DataError, ImageError, TFRecordFolder, encode_png
from monet.data.tfrecords import is_tfrecord_name, scan


def pictures(number, start=0):
    return [
        {
            "image_name": f"name{start + i}".encode(),
            "image": encode_png(np.full((4, 4, 3), start + i, np.uint8)),
            "target": b"monet",
        }
        for i in range(number)
    ]


def test_records_are_read_in_order_of_file_and_record(write_tfrecord, tmp_path):
    write_tfrecord("b.tfrec", pictures(2, start=3))
    write_tfrecord("a.TFREC", pictures(3))
    source = TFRecordFolder(tmp_path)
    assert source.names == [f"name{i}" for i in range(5)]
    for i in (4, 0, 2):
        np.testing.assert_array_equal(source.read(i), np.full((4, 4, 3), i, np.uint8))
    assert "2 TFRecord files" in source.description and source.skipped == []


def test_names_are_made_up_where_missing_and_kept_unique(write_tfrecord, tmp_path):
    image = pictures(1)[0]["image"]
    write_tfrecord("a.tfrec", [{"image": image}, {"image": image, "image_name": b"x"}])
    write_tfrecord(
        "b.tfrec", [{"image": image, "image_name": name} for name in (b"x", b"x-2", b"x")]
    )
    names = TFRecordFolder(tmp_path).names
    assert names == ["a-00000", "x", "x-2", "x-2-2", "x-3"]


def test_a_fifo_among_the_records_is_not_waited_for(write_tfrecord, tmp_path, in_time):
    write_tfrecord("good.tfrec", pictures(1))
    os.mkfifo(tmp_path / "fifo.tfrec")
    with pytest.warns(UserWarning, match="fifo.tfrec: not a regular file"):
        assert len(in_time(lambda: TFRecordFolder(tmp_path))) == 1


def test_a_cut_file_gives_its_whole_records(write_tfrecord, tmp_path):
    path = write_tfrecord("cut.tfrec", pictures(3))
    for missing in (1, 30):
        path.write_bytes(path.read_bytes()[:-missing])
        with pytest.warns(UserWarning, match="cut.tfrec: cut off after 2 whole records") as caught:
            source = TFRecordFolder(tmp_path)
        assert source.names == ["name0", "name1"] and len(caught) == 1


def test_bad_files_and_records_are_named_and_counted(write_tfrecord, tmp_path):
    write_tfrecord("good.tfrec", [*pictures(1), {"image": b"no picture", "image_name": b"odd"}])
    write_tfrecord("other.tfrec", [{"picture": b"?", "label": b"?"}])
    (tmp_path / "empty.tfrec").touch()
    (tmp_path / "text.tfrec").write_text("a text that is no TFRecord at all")
    (tmp_path / "packed.tfrec").write_bytes(gzip.compress(b"records"))
    with pytest.warns(UserWarning) as caught:
        source = TFRecordFolder(tmp_path)
    message = str(caught[0].message)
    assert len(caught) == 1 and message.startswith("Skipped 5 of 6")
    for part in (
        "empty.tfrec: the file is empty",
        "text.tfrec: not a TFRecord file",
        "packed.tfrec: compressed (gzip); unpack it first",
        "odd (record 1 of good.tfrec): not a picture",
        "record 0 of other.tfrec: no bytes feature 'image' (features: label, picture)",
    ):
        assert part in message
    assert source.names == ["name0"] and len(source.skipped) == 5


def test_damage_between_records_is_found_by_the_checksum(write_tfrecord, tmp_path):
    path = write_tfrecord("a.tfrec", pictures(3))
    data = bytearray(path.read_bytes())
    second = 8 + 4 + int.from_bytes(data[:8], "little") + 4
    data[second] ^= 1
    path.write_bytes(data)
    with pytest.warns(UserWarning, match="a.tfrec: damaged after 1 whole record"):
        assert TFRecordFolder(tmp_path).names == ["name0"]


@pytest.mark.parametrize("place", ["first", "name", "pixels", "last", "checksum"])
def test_damage_inside_a_record_is_not_taken_for_data(write_tfrecord, tmp_path, place):
    """Also where the damaged bytes are a picture still; TensorFlow's own reader is the judge."""
    import tensorflow as tf

    bitmap = b"BM" + struct.pack("<IIIIiiHHIIiiII", 102, 0, 54, 40, 4, 4, 1, 24, 0, 48, 0, 0, 0, 0)
    examples = pictures(4)
    examples[2] = {"image_name": b"name2", "image": bitmap + bytes(48)}
    path = write_tfrecord("a.tfrec", examples)
    assert len(TFRecordFolder(tmp_path)) == 4
    record = list(scan(tmp_path, path.name))[2]
    data = bytearray(path.read_bytes())
    end = record.offset + record.length
    inside = {"name": data.index(b"name2"), "pixels": data.index(bitmap) + 54 + 20}
    data[inside.get(place, {"first": record.offset, "last": end - 1}.get(place, end + 1))] ^= 4
    path.write_bytes(data)

    with pytest.warns(UserWarning, match=r"record 2 of a.tfrec: damaged: its checksum") as caught:
        source = TFRecordFolder(tmp_path)
    assert "Skipped 1 of 4" in str(caught[0].message)
    assert source.names == ["name0", "name1", "name3"]
    reader = iter(tf.data.TFRecordDataset(str(path)))
    next(reader), next(reader)
    with pytest.raises(tf.errors.DataLossError):
        next(reader)


def test_a_record_that_is_damaged_later_is_left_out_too(write_tfrecord, tmp_path):
    path = write_tfrecord("a.tfrec", pictures(2))
    source = TFRecordFolder(tmp_path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ImageError, match="damaged: its checksum"):
        source.read(1)
    path.write_bytes(data[:-8])
    with pytest.raises(ImageError, match="cut off"):
        source.read(1)
    assert source.read(0).shape == (4, 4, 3)


def test_nothing_to_read_is_one_sentence(write_tfrecord, tmp_path):
    with pytest.raises(DataError, match="holds no TFRecord files"):
        TFRecordFolder(tmp_path)
    write_tfrecord("empty.tfrec", [])
    with pytest.raises(DataError, match="The only .* can't be read .*empty.tfrec: the file is em"):
        TFRecordFolder(tmp_path)
    write_tfrecord("other.tfrec", [])
    with pytest.raises(DataError, match="None of the 2 TFRecord items in .* can be read .*empty"):
        TFRecordFolder(tmp_path)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("monet00-60.tfrec", True),
        ("a.TFRecord", True),
        ("a.tfrecords", True),
        ("train.tfrecord-00003-of-00010", True),
        ("a.tfrec.txt", False),
        ("tfrec", False),
    ],
)
def test_which_files_are_taken(name, expected):
    assert is_tfrecord_name(name) is expected
