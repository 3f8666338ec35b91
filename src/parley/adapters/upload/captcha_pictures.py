"""Draw the picture and speak the recording of a captcha, by the library `captcha`, without any service.

Noise and slant differ each time, the text does not: the same ticket shown twice is two pictures of one text, so
whoever serves them bounds how often it does. A picture takes some eight milliseconds of one core, a recording some
four hundred: run them in a thread, a few at a time.
"""

from __future__ import annotations

from typing import Final

from captcha.audio import AudioCaptcha
from captcha.image import ImageCaptcha

from parley.errors import ErrorCode, LocalError
from parley.upload.methods.captcha import ALPHABET, LENGTH_MAX

__all__ = ["IMAGE_TYPE", "SOUND_TYPE", "CaptchaPictures"]

IMAGE_TYPE: Final = "image/png"
"""What `CaptchaPictures.render_image` returns."""

SOUND_TYPE: Final = "audio/wav"
"""What `CaptchaPictures.render_audio` returns."""

_HEIGHT_PX: Final = 80
_CHARACTER_PX: Final = 40
_CHARACTERS_SHOWN_MIN: Final = 4
_VOICES: Final = frozenset(ALPHABET)


class CaptchaPictures:
    """Draws and speaks; keeps the voices once they are loaded, a few megabytes."""

    def __init__(self) -> None:
        """Load nothing yet: the voices come with the first recording."""
        self._sounds = AudioCaptcha()

    def render_image(self, text: str) -> bytes:
        """Draw a picture of a text.

        Args:
            text: 1 to 16 characters of `ALPHABET`.

        Returns:
            PNG, 80 pixels high and 40 wide for each character, at least for four, some 10 kB.

        Raises:
            LocalError: another text.
        """
        _check(text)
        width_px = _CHARACTER_PX * max(len(text), _CHARACTERS_SHOWN_MIN)
        return ImageCaptcha(width=width_px, height=_HEIGHT_PX).generate(text).getvalue()

    def render_audio(self, text: str) -> bytes:
        """Speak a text, character by character, over noise.

        Args:
            text: 1 to 16 characters of `ALPHABET`.

        Returns:
            WAV, 8 bits, 8000 samples a second, one channel: some 150 kB for six characters.

        Raises:
            LocalError: another text.
        """
        _check(text)
        return bytes(self._sounds.generate(text))


def _check(text: str) -> None:
    if not 1 <= len(text) <= LENGTH_MAX or not _VOICES.issuperset(text):
        raise LocalError(ErrorCode.INVALID_ARGUMENT, text_length=len(text))
