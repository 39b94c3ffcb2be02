"""The colour of a message where a chat draws one beside it. The words say the same."""

from __future__ import annotations

from typing import Final

from buildnet_cli.messages.model import Tone

COLOURS: Final = {Tone.GOOD: 0x2E7D32, Tone.NEUTRAL: 0x546E7A, Tone.WARNING: 0xEF6C00, Tone.PROBLEM: 0xC62828}
"""Red, green and blue as 0xRRGGBB; each can be told from white and from black."""
