from __future__ import annotations

import io
import struct
import wave

import pytest

from parley.adapters.upload.captcha_pictures import CaptchaPictures
from parley.errors import LocalError
from parley.upload.methods.captcha import ALPHABET

PICTURES = CaptchaPictures()


@pytest.mark.parametrize(("text", "width"), [("87LF6L", 240), ("2", 160), (ALPHABET, 640)])
def test_a_picture_is_a_png_as_wide_as_its_text(text: str, width: int) -> None:
    raw = PICTURES.render_image(text)
    assert raw.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", raw[16:24]) == (width, 80)


def test_a_picture_shows_something_and_is_never_the_same() -> None:
    assert PICTURES.render_image("87LF6L") != PICTURES.render_image("87LF6L")


def test_every_character_can_be_spoken() -> None:
    raw = PICTURES.render_audio(ALPHABET)
    with wave.open(io.BytesIO(raw)) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 1, 8_000)
        assert sound.getnframes() > 16 * 8_000


@pytest.mark.parametrize("text", ["", "O", "87lf6l", "8 7", "\u00df", "2" * 17, "../2"])
def test_only_a_text_of_ours_is_rendered(text: str) -> None:
    with pytest.raises(LocalError):
        PICTURES.render_image(text)
    with pytest.raises(LocalError):
        PICTURES.render_audio(text)
