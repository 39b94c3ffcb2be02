"""`notifications.channels.push`: notifications on phones through Firebase Cloud Messaging."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from buildnet_cli.config.address import BaseUrl
from buildnet_cli.config.fields import Document, Items, Line, Name, shown
from buildnet_cli.config.recipient import Channel, Listener, Recipient
from buildnet_cli.config.section import Section


def _check_topic(name: str) -> str:
    # Source: Firebase "Topic messaging": [a-zA-Z0-9-_.~%]+
    if not re.fullmatch(r"[A-Za-z0-9_.~%-]+", name):
        raise ValueError(f"{shown(name)} is no topic: use letters, digits and - _ . ~ %")
    return name


class Firebase(Section):
    """A Firebase project."""

    project_id: Line = Field("", description="Id of the Firebase project. Required while enabled.")
    credentials: Document = Field(
        None, description="The service account: the path of its JSON file, or that JSON itself. Required while enabled."
    )
    base_url: BaseUrl = Field("", description="Address of the API. Default: Google's own.")


class PushTopic(Listener):
    """A topic that apps subscribe to."""

    name: Annotated[Name, AfterValidator(_check_topic)] = Field(description="Name of the topic. Required.")


class Push(Channel):
    """Mobile push."""

    kind: ClassVar[str] = "push"

    firebase: Firebase = Field(default_factory=Firebase, description="The Firebase project that sends.")
    topics: Items[PushTopic] = Field((), description="Topics and the events each gets. Default: none.")

    def missing(self) -> list[str]:
        needed = {"firebase.project_id": self.firebase.project_id, "firebase.credentials": self.firebase.credentials}
        return [key for key, value in needed.items() if not value]

    def all_recipients(self) -> tuple[Recipient, ...]:
        return tuple(
            Recipient(self.kind, topic.name, topic.name, topic.patterns, self.path_of("topics", index))
            for index, topic in enumerate(self.topics)
        )
