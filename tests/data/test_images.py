from __future__ import annotations

import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from monet.data import ImageError, encode_jpeg, encode_png, read_image, to_float, to_uint8
from monet.data.domains import SAMPLE_SET
from monet.data.images import FORMATS, central_square, check_image, shrink


def jpeg(picture, **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=95, **options)
    return buffer.getvalue()


def png_16_bit(samples: np.ndarray, colour_type: int) -> bytes:
    """A PNG with 16 bits per channel, which Pillow can't write in colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    height, width = samples.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.ppm", "a.webp"])
def test_lossless_formats_keep_every_pixel(save, gradient, name):
    path = save(name, gradient, **({"lossless": True} if name.endswith("webp") else {}))
    np.testing.assert_array_equal(read_image(path), gradient)
    check_image(path)


def test_jpeg_path_and_bytes_read_alike(save, gradient):
    path = save("a.jpg", gradient, quality=95)
    image = read_image(path)
    assert image.dtype == np.uint8 and image.shape == (48, 64, 3)
    assert np.abs(image.astype(int) - gradient).max() < 12
    np.testing.assert_array_equal(image, read_image(path.read_bytes()))


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_grey_is_repeated_in_three_channels(save, gradient, name):
    grey = gradient[..., 0]
    image = read_image(save(name, grey))
    assert np.ptp(image, axis=-1).max() == 0
    assert np.abs(image[..., 0].astype(int) - grey).max() < 8


def test_cmyk_jpeg_is_not_inverted(save, gradient):
    """Adobe's convention stores CMYK inverted; Pillow writes the Adobe marker as Photoshop does."""
    path = save("a.jpg", Image.fromarray(gradient).convert("CMYK"), quality=95)
    assert b"Adobe" in path.read_bytes()[:200]
    assert np.abs(read_image(path).astype(int) - gradient).mean() < 4


def test_cmyk_that_adobe_did_not_write_is_not_inverted_either(save):
    inks = Image.new("CMYK", (8, 8), (0, 255, 255, 0))  # red
    assert (read_image(save("a.tif", inks)) == [255, 0, 0]).all()
    data = save("a.jpg", inks, quality=95).read_bytes()
    assert np.abs(read_image(data).astype(int) - [255, 0, 0]).max() < 4
    # Without Adobe's marker the stored values are the inks themselves: here their complements.
    marker = data.index(b"\xff\xee")
    end = marker + 2 + int.from_bytes(data[marker + 2 : marker + 4], "big")
    assert np.abs(read_image(data[:marker] + data[end:]).astype(int)).max() < 4


def test_one_colour_marked_as_transparent_becomes_white(save):
    image = np.array([[[10, 20, 30], [200, 100, 50]]], np.uint8)
    path = save("a.png", image, transparency=(10, 20, 30))
    assert read_image(path).tolist() == [[[255, 255, 255], [200, 100, 50]]]


def test_transparency_is_laid_on_white(save):
    rgba = np.zeros((4, 6, 4), np.uint8)
    rgba[..., 0] = 200
    rgba[:, 3:, 3] = 255
    rgba[:, 2, 3] = 128
    image = read_image(save("a.png", rgba))
    assert (image[:, :2] == 255).all()
    assert (image[:, 3:] == [200, 0, 0]).all()
    assert np.abs(image[0, 2].astype(int) - [227, 127, 127]).max() <= 1


def test_grey_with_alpha_is_laid_on_white(save):
    la = np.zeros((2, 2, 2), np.uint8)
    la[0, :, 1] = 255
    image = read_image(save("a.png", Image.fromarray(la, "LA")))
    assert (image[0] == 0).all() and (image[1] == 255).all()


def test_palette_with_and_without_transparency(save):
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 20, 30, 200, 100, 50])
    palette.putdata([0, 1])
    assert read_image(save("a.png", palette)).tolist() == [[[10, 20, 30], [200, 100, 50]]]
    path = save("b.png", palette, transparency=0)
    assert read_image(path).tolist() == [[[255, 255, 255], [200, 100, 50]]]


def test_black_and_white_bitmap(save):
    bits = Image.new("1", (2, 1))
    bits.putdata([0, 255])
    assert read_image(save("a.png", bits)).tolist() == [[[0] * 3, [255] * 3]]


def test_16_bit_grey_png_keeps_its_brightness():
    samples = np.array([[0, 257, 25700, 65535]], np.uint16)
    image = read_image(png_16_bit(samples, 0))
    assert image[0, :, 0].tolist() == [0, 1, 100, 255]


def test_16_bit_colour_png_keeps_its_brightness():
    samples = np.array([[[0, 25700, 65535], [51400, 257, 12850]]], np.uint16)
    assert np.abs(read_image(png_16_bit(samples, 2)).astype(int) - samples // 257).max() <= 1


def test_floating_point_tiff_is_taken_as_0_to_1(save):
    image = read_image(save("a.tif", Image.fromarray(np.array([[0, 0.5, 1, 7]], np.float32))))
    assert image[0, :, 0].tolist() == [0, 128, 255, 255]


UPRIGHT = {  # by orientation, as the EXIF standard says where row 0 and column 0 are to be seen
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.rot90(stored, 2).swapaxes(0, 1),
    8: lambda stored: np.rot90(stored),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_orientation_is_applied(gradient, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = UPRIGHT[orientation](read_image(jpeg(gradient)))
    np.testing.assert_array_equal(read_image(jpeg(gradient, exif=exif)), upright)


def test_a_picture_is_turned_although_its_metadata_cannot_be_written_again(gradient):
    exif = Image.Exif()
    exif[0x0112] = 6
    data = jpeg(gradient, exif=exif)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Image.Exif, "tobytes", lambda *_: 1 / 0)
        upright = read_image(data)
    np.testing.assert_array_equal(upright, np.rot90(read_image(jpeg(gradient)), -1))


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
def test_a_camera_held_upright_in_any_format(save, name):
    """Orientation 6: the top of the stored picture is the right side of the scene."""
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = np.zeros((16, 24, 3), np.uint8)
    stored[:8] = 255
    upright = read_image(save(name, stored, exif=exif, quality=95))
    assert upright.shape == (24, 16, 3)
    assert upright[:, 10:].min() > 240 and upright[:, :6].max() < 15


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
def test_broken_metadata_does_not_spoil_a_good_picture(save, gradient, name):
    path = save(name, gradient, exif=b"Exif\0\0these are no tags", quality=95)
    check_image(path)
    assert np.abs(read_image(path).astype(int) - gradient).mean() < 4


def test_animation_gives_its_first_frame(save):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    image = read_image(save("a.gif", frames[0], save_all=True, append_images=frames[1:]))
    assert (image == [255, 0, 0]).all()


def test_colour_profile_is_ignored(save, gradient):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    np.testing.assert_array_equal(
        read_image(save("a.png", gradient, icc_profile=profile)), gradient
    )


@pytest.mark.parametrize("check", [read_image, check_image])
def test_bad_files_say_what_is_wrong(tmp_path, gradient, check):
    whole = jpeg(gradient)
    for data, expected in (
        (b"", "empty"),
        (b"this is a text", "not a picture"),
        (whole[: len(whole) // 2], "cut off"),
        (encode_png(gradient)[:-40], "cut off|damaged"),
        (whole[:30], "not a picture|cut off|damaged"),
    ):
        path = tmp_path / "bad.jpg"
        path.write_bytes(data)
        for source in (path, data):
            with pytest.raises(ImageError, match=expected):
                check(source)
    with pytest.raises(ImageError, match="No such file"):
        check(tmp_path / "missing.jpg")


def test_messages_hold_no_paths_or_object_addresses(tmp_path):
    path = tmp_path / "text.jpg"
    path.write_text("text")
    with pytest.raises(ImageError) as error:
        read_image(path)
    assert "0x" not in str(error.value) and str(tmp_path) not in str(error.value)


def test_jpeg_with_bytes_after_its_end_is_fine(gradient):
    data = jpeg(gradient)
    check_image(data + b"appended by a camera")
    np.testing.assert_array_equal(read_image(data + b"appended"), read_image(data))


def test_decompression_bomb_is_refused(monkeypatch, gradient):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    for check in (read_image, check_image):
        with pytest.raises(ImageError, match="too large"):
            check(encode_png(gradient))


def test_shrink_to_bounds_the_shorter_side(gradient):
    big = np.asarray(Image.fromarray(gradient).resize((1024, 768), Image.Resampling.BICUBIC))
    for data in (jpeg(big), encode_png(big)):
        small = read_image(data, shrink_to=48)
        assert small.shape == (48, 64, 3)
        assert np.abs(small.astype(int) - gradient).mean() < 3
        assert read_image(data, shrink_to=768).shape == (768, 1024, 3)
        assert read_image(data, shrink_to=2000).shape == (768, 1024, 3)


def test_shrinking_a_panorama_keeps_its_aspect():
    strip = np.zeros((100, 3000, 3), np.uint8)
    assert read_image(jpeg(strip), shrink_to=50).shape == (50, 1500, 3)


def test_to_float_and_back_is_exact():
    levels = np.arange(256, dtype=np.uint8)
    floats = to_float(levels)
    assert floats.dtype == np.float32 and floats[0] == -1 and floats[255] == 1
    np.testing.assert_array_equal(to_uint8(floats), levels)


def test_to_uint8_rounds_clips_and_survives_nan():
    values = [-3, -np.inf, np.nan, 3, np.inf, 0.999, 100.6 / 127.5 - 1]
    assert to_uint8(np.array(values, np.float32)).tolist() == [0, 0, 128, 255, 255, 255, 101]


def test_to_uint8_takes_half_precision_tensors():
    import tensorflow as tf

    for dtype in (tf.float16, tf.bfloat16):
        assert to_uint8(tf.constant([-1, 0.0, 1], dtype)).tolist() == [0, 128, 255]


def test_encoders(gradient):
    np.testing.assert_array_equal(read_image(encode_png(gradient)), gradient)
    assert np.abs(read_image(encode_jpeg(gradient)).astype(int) - gradient).mean() < 1.5
    assert len(encode_jpeg(gradient, quality=30)) < len(encode_jpeg(gradient))


def test_a_png_is_as_small_as_one_that_takes_longer():
    painting = read_image(SAMPLE_SET / "monet_jpg" / "painting_000.jpg")
    page = np.full((200, 300, 3), 255, np.uint8)
    page[40:168, 90:218] = painting
    for picture, more in ((painting, 1.02), (page, 1.05)):
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "PNG")
        assert len(encode_png(picture)) < more * len(buffer.getvalue())


def test_shrink_and_central_square():
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, 20:40] = 255
    assert shrink(wide, 10).shape == (10, 30, 3) and shrink(wide, 30) is wide
    for side in (5, 20, 40):
        square = central_square(wide, side)
        assert square.shape == (side, side, 3) and (square == 255).all()


@pytest.mark.parametrize("check", [read_image, check_image])
@pytest.mark.parametrize("format", ["EPS", "ICO", "PCX", "SGI", "DDS"])
def test_formats_that_are_not_meant_to_be_read_are_not_opened(
    save, gradient, monkeypatch, check, format
):
    """Whatever the name says: for EPS Pillow would start Ghostscript."""
    monkeypatch.setattr("subprocess.check_call", lambda *_, **__: pytest.fail("a program started"))
    path = save("a.jpg", gradient, format=format)
    assert Image.open(path).format == format
    with pytest.raises(ImageError, match="not a picture of a format that is read"):
        check(path)


@pytest.mark.parametrize("format", FORMATS)
def test_formats_that_are_read(save, gradient, format):
    path = save("a.jpg", gradient, format=format)
    check_image(path)
    assert read_image(path).shape == gradient.shape


@pytest.mark.parametrize("check", [read_image, check_image])
def test_what_is_no_regular_file_is_not_waited_for(tmp_path, check, in_time):
    path = tmp_path / "a.jpg"
    os.mkfifo(path)
    with pytest.raises(ImageError, match="not a regular file"):
        in_time(lambda: check(path))
    with pytest.raises(ImageError, match="Is a directory"):
        in_time(lambda: check(tmp_path))
