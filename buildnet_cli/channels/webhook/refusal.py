"""What an endpoint's answer means, in its provider's own dialect. Pure."""

from __future__ import annotations

from buildnet_cli.channels.discord.answer import message_id
from buildnet_cli.channels.slack.answer import posted
from buildnet_cli.channels.webhook import slack_answer
from buildnet_cli.delivery.model import Receipt
from buildnet_cli.net.answer import Answer, classify, json_object, refuse_web_page


def receipt_of(answer: Answer, form: str) -> Receipt:
    """The receipt if the message was taken. Raises ChannelError otherwise.

    form: json, slack or discord.
    """
    detail = f"HTTP {answer.status}"
    if form == "discord":
        return Receipt(message_id(answer), detail)
    if form == "slack":
        slack_answer.check(answer)
    classify(answer)
    if form == "slack":
        refuse_web_page(answer)
        if json_object(answer).get("ok") is False:
            posted(answer)  # what speaks like Slack's Web API says 200 and means no
    return Receipt(detail=detail)
