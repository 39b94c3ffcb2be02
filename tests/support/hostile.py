"""Messages made of whatever texts there are, for the forms of all channels."""

from __future__ import annotations

from hypothesis import strategies as st

from buildnet_cli.messages.model import Field, Message, Tone
from tests.support.messages import event

HOSTILE = "<!channel> <@U123> <https://evil.example|x> @everyone @here <@&42> &amp; ``` `x` **bold** [a](b) \x1b[2J \u202e\x00"

TEXT = st.text(max_size=300) | st.sampled_from(
    [HOSTILE, "&<>" * 2000, "`" * 5000, "x" * 10_000, "\n" * 400, "😀" * 3000, "~" * 900]
)
MESSAGES = st.builds(
    Message,
    event=st.builds(event, st.just("custom.x"), TEXT, TEXT),
    title=TEXT,
    line=TEXT,
    fields=st.lists(st.builds(Field, TEXT, TEXT, st.booleans()), max_size=30).map(tuple),
    code=TEXT,
    actions=st.lists(TEXT, max_size=4).map(tuple),
    is_test=st.booleans(),
    tone=st.sampled_from(Tone),
    was=st.just("") | TEXT,
)
"""Any message, most of them hostile."""
