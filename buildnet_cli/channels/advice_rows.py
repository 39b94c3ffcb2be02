"""The rows of the advice, by channel.

Source: Twilio "Error and Warning Dictionary"; RFC 5321, RFC 3463, RFC 4954; Amazon SES v2 "SendEmail"; Slack "chat.postMessage"
and "Handling errors"; Discord "Opcodes and Status Codes"; Telegram's server; Firebase "FCM Error Codes".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple


class Row(NamedTuple):
    """said: what is looked for in the answer, if not the code itself."""

    code: str
    meaning: str
    next_step: str
    said: str = ""


_SMS = (
    Row(
        "20003",
        "Twilio does not accept the account's credential",
        "set account_sid and auth_token as the Twilio console shows them",
    ),
    Row("20404", "there is no such account", "check account_sid, and base_url if it is set"),
    Row("20429", "too many requests at once", "nothing: it is tried again by itself"),
    Row("21211", "the recipient's number is none", "write it with + and the country code, such as +14155550123"),
    Row("21212", "from_number is no number that can send", "set from_number to a number that Twilio gave you"),
    Row("21408", "the account may not text that country", "allow it in the Twilio console, under Messaging, Geo permissions"),
    Row("21602", "the message was empty", "check your own template for this channel"),
    Row("21603", "no sender was named", "set from_number or messaging_service_sid"),
    Row("21604", "no recipient was named", "give the recipient a phone"),
    Row("21606", "from_number cannot send text messages", "set from_number to a number of this account that can"),
    Row("21608", "trial account may only text verified numbers", "verify {to} in the Twilio console, or upgrade the account"),
    Row("21610", "this phone has opted out with STOP", "its owner texts START to the same number; nobody else can undo it"),
    Row("21611", "the sender's queue is full", "nothing: it is tried again by itself; a messaging service sends faster"),
    Row("21612", "this number cannot be reached from from_number", "try another sender, or a messaging service"),
    Row("21614", "this is no mobile number", "give {to} a mobile number"),
    Row("21617", "the text is longer than Twilio takes", "set max_segments lower"),
    Row("30001", "Twilio's queue overflowed", "buildnet-notify deliveries retry --failed --channel sms"),
    Row("30002", "the Twilio account is suspended", "settle it in the Twilio console"),
    Row(
        "30003",
        "the phone is off or out of reach",
        "wait until it is on, then: buildnet-notify deliveries retry --failed --channel sms",
    ),
    Row("30004", "the phone's owner or carrier blocks these messages", "ask {to} to unblock from_number"),
    Row("30005", "there is no such phone any more", "correct or remove {to}"),
    Row("30006", "a landline or a carrier without text messages", "give {to} a mobile number"),
    Row("30007", "the carrier filtered it as unwanted", "register the sender (A2P 10DLC), and keep links out of templates"),
    Row("30008", "the carrier gave no reason", "buildnet-notify deliveries retry --failed --channel sms"),
    Row("30022", "more messages a minute than the 10DLC campaign may send", "set notifications.settings.rate_limit lower"),
    Row(
        "30023", "the 10DLC brand's daily number is used up", "wait a day, or raise the brand's trust score in the Twilio console"
    ),
    Row("30032", "the toll-free number is not verified", "verify it in the Twilio console, under Toll-free verification"),
    Row("30034", "from_number is not registered for A2P 10DLC", "register a brand and a campaign in the Twilio console"),
    Row("30035", "the number's registration is still under way", "wait until the Twilio console says registered"),
)

_EMAIL = (
    Row("5.7.139", "Microsoft 365 refuses passwords here", "let an administrator turn on authenticated SMTP for the mailbox"),
    Row("5.7.9", "the account needs an app password", "make one and set it as smtp.password"),
    Row("5.7.14", "Google wants a sign-in in a browser", "make an app password and set it as smtp.password"),
    Row("5.4.5", "the account's quota for today is used up", "wait a day, or send through another provider"),
    Row("5.1.1", "there is no such mailbox", "correct the recipient's address"),
    Row("5.2.2", "the recipient's mailbox is full", "ask {to} to clear it"),
    Row("421", "the server closes the connection for now", "nothing: it is tried again by itself", "answered 421"),
    Row("450", "the mailbox is busy, or the server greylists us", "nothing: it is tried again by itself", "answered 450"),
    Row("451", "the server had trouble of its own", "nothing: it is tried again by itself", "answered 451"),
    Row("452", "the server has no room now", "nothing: it is tried again by itself", "answered 452"),
    Row("454", "the server cannot sign us in now, or throttles us", "nothing: it is tried again by itself", "answered 454"),
    Row(
        "530",
        "the server wants a login, or encryption first",
        "set smtp.username and smtp.password, and tls: true",
        "answered 530",
    ),
    Row("534", "the server wants another way to sign in", "set an app password as smtp.password", "answered 534"),
    Row(
        "535",
        "user name or password is wrong",
        "check smtp.username and smtp.password; Gmail wants an app password",
        "answered 535",
    ),
    Row("538", "the server takes a login only over TLS", "set smtp.tls: true", "answered 538"),
    Row("550", "the server refuses this recipient or this sender", "check both addresses", "answered 550"),
    Row("551", "the recipient is not on this server", "correct the recipient's address", "answered 551"),
    Row("552", "the mail is too large, or the mailbox is full", "ask {to} to clear it, or send shorter reports", "answered 552"),
    Row("553", "the server refuses this address", "check the recipient and from", "answered 553"),
    Row("554", "the server's policy refuses the mail", "let it send for the domain of from (SPF, DKIM)", "answered 554"),
    Row("MessageRejected", "SES has not verified the sender, or is in its sandbox", "verify from in the SES console"),
    Row("MailFromDomainNotVerified", "SES has not verified the domain", "verify the domain of from in the SES console"),
    Row("AccountSuspendedException", "SES has suspended the account", "settle it in the AWS console"),
    Row("SendingPausedException", "sending is paused for the account or the configuration set", "turn it on in the SES console"),
    Row("TooManyRequestsException", "SES throttles us", "nothing: it is tried again by itself"),
    Row("413", "the mail is larger than the provider takes", "send shorter reports", "answered 413"),
)

_SLACK = (
    Row(
        "not_in_channel",
        "the bot is not in that channel",
        "in Slack, type /invite @YOUR_BOT there, or give the app chat:write.public",
    ),
    Row(
        "channel_not_found",
        "there is no such channel, or the bot cannot see it",
        "use the channel's id; invite the bot if it is private",
    ),
    Row("is_archived", "the channel is archived", "unarchive it, or configure another one"),
    Row("channel_is_archived", "the channel is archived", "unarchive it, or make a webhook for another one"),
    Row("missing_scope", "the app may not do that yet", "add chat:write under OAuth & Permissions, and install the app again"),
    Row("invalid_auth", "Slack does not accept the token", "set the bot token (xoxb-…) of the app's page, OAuth & Permissions"),
    Row("not_authed", "no token was sent", "set slack.bot_token"),
    Row("account_inactive", "the bot's account is disabled", "install the app again and set its new token"),
    Row("token_revoked", "the token was revoked", "install the app again and set its new token"),
    Row("token_expired", "the token has expired", "install the app again and set its new token"),
    Row("not_allowed_token_type", "this kind of token cannot post", "set the bot token, which begins with xoxb-"),
    Row("team_not_found", "the token is for a whole organization", "use the channel's id, not its name"),
    Row("restricted_action", "the workspace does not let the app post there", "ask its administrators, or use another channel"),
    Row("messages_tab_disabled", "the app takes no direct messages", "turn on the Messages tab on the app's page, App Home"),
    Row("msg_too_long", "the text is longer than Slack takes", "check your own template for this channel"),
    Row("msg_blocks_too_long", "the blocks are longer than Slack takes", "check your own template for this channel"),
    Row("invalid_blocks", "Slack does not know these blocks", "check the template of this endpoint"),
    Row("no_text", "the message was empty", "check the template of this endpoint"),
    Row("ratelimited", "too many messages at once", "nothing: it is tried again by itself"),
    Row("rate_limited", "too many messages at once", "nothing: it is tried again by itself"),
    Row("invalid_token", "the webhook was revoked", "make a new webhook in Slack and set its URL"),
    Row("invalid_payload", "Slack cannot read the message", "check the template of this endpoint"),
    Row("no_service", "the webhook was removed or turned off", "make a new webhook in Slack and set its URL"),
    Row("no_active_hooks", "the app's webhooks are turned off", "turn them on, on the app's page, Incoming Webhooks"),
    Row("no_team", "there is no such workspace any more", "make a webhook in another one and set its URL"),
    Row("action_prohibited", "the workspace restricts who may post there", "ask its administrators"),
    Row("posting_to_general_channel_denied", "only few may post in #general", "ask the administrators, or use another channel"),
)

_DISCORD = (
    Row("10003", "there is no such channel", "turn on Developer Mode in Discord, copy the channel's id and set it"),
    Row("10004", "the bot is not on that server", "invite it with the link of the application's page, OAuth2"),
    Row("10015", "the webhook was deleted", "make a new one in the channel's settings, Integrations, and set its URL"),
    Row("20016", "the channel is in slow mode", "nothing: it is tried again by itself"),
    Row("20028", "the channel takes no more for now", "nothing: it is tried again by itself"),
    Row("40001", "Discord does not accept the token", "set the token of the application's page, Bot"),
    Row("40333", "Discord blocks this address or a proxy before it", "try another way out to the internet"),
    Row("50001", "the bot cannot see the channel", "give its role View Channel in the channel's permissions"),
    Row("50006", "the message was empty", "check your own template for this channel"),
    Row("50007", "the person takes no direct messages", "configure a channel"),
    Row("50013", "the bot may not write there", "give its role Send Messages and Embed Links in the channel's permissions"),
    Row("50014", "Discord does not accept the token", "set the token of the application's page, Bot"),
    Row("50027", "Discord does not accept the webhook's token", "make a new one in the channel's settings, Integrations"),
    Row("50035", "Discord cannot read the message", "check the template of this endpoint"),
    Row("130000", "Discord is overloaded", "nothing: it is tried again by itself"),
    Row("220001", "the channel is a forum", "add ?thread_id=ID of one of its posts to the webhook's URL"),
)

_TELEGRAM = (
    Row("403", "the person has blocked the bot", "ask {to} to unblock it", "bot was blocked by the user"),
    Row("403", "the account is gone", "remove {to}", "user is deactivated"),
    Row("403", "the bot was removed from the chat", "add it again, or remove the chat", "bot was kicked"),
    Row("403", "the bot is not in the chat", "add it to the chat", "bot is not a member"),
    Row("403", "a bot cannot write first", "ask {to} to press Start in the bot's chat", "bot can't initiate conversation"),
    Row("403", "the group is gone", "remove the chat", "the group chat was deleted"),
    Row(
        "400",
        "the bot knows no such chat",
        "check the id; add the bot to the group, or press Start in its chat",
        "chat not found",
    ),
    Row("400", "the chat has no such topic", "check the chat's thread_id", "message thread not found"),
    Row(
        "400", "the group became a supergroup with a new id", "put the new id into the configuration", "upgraded to a supergroup"
    ),
    Row("400", "the bot may not post there", "make it an administrator of the chat", "not enough rights"),
    Row("400", "the message is longer than Telegram takes", "check your own template for this channel", "message is too long"),
    Row("400", "Telegram cannot read the message's tags", "check your own template for this channel", "can't parse entities"),
    Row("401", "Telegram does not accept the token", "set telegram.bot_token as @BotFather shows it", "Telegram 401"),
    Row("404", "the token is none, or base_url is wrong", "set telegram.bot_token as @BotFather shows it", "Telegram 404"),
    Row("409", "another program polls with the same token", "stop that one, or make a bot of its own for each", "Telegram 409"),
    Row("429", "too many messages at once", "nothing: it is tried again by itself", "Telegram 429"),
)

_PUSH = (
    Row("UNREGISTERED", "nobody is registered under that name any more", "remove {to}"),
    Row("SENDER_ID_MISMATCH", "the app belongs to another Firebase project", "check push.firebase.project_id"),
    Row(
        "THIRD_PARTY_AUTH_ERROR",
        "Apple does not accept Firebase's key",
        "upload the APNs key in the Firebase console, Cloud Messaging",
    ),
    Row("QUOTA_EXCEEDED", "too many messages at once", "nothing: it is tried again by itself"),
    Row("UNAVAILABLE", "Firebase is overloaded", "nothing: it is tried again by itself"),
    Row("INTERNAL", "Firebase had trouble of its own", "nothing: it is tried again by itself"),
    Row("INVALID_ARGUMENT", "Firebase does not take the message as it is", "check the topic's name"),
    Row("PERMISSION_DENIED", "the service account may not send", "turn on the Firebase Cloud Messaging API (V1) for the project"),
    Row(
        "UNAUTHENTICATED",
        "Google does not accept the service account",
        "make a new key in the Firebase console, Service accounts",
    ),
    Row("NOT_FOUND", "there is no such project", "check push.firebase.project_id"),
    Row("invalid_grant", "the machine's clock is wrong", "set it, by NTP for example", "must be a short-lived token"),
    Row(
        "invalid_grant",
        "the service account's key was deleted",
        "make a new key in the Firebase console",
        "Invalid JWT Signature",
    ),
    Row("invalid_grant", "the service account is gone", "make another one in the Firebase console", "account not found"),
)

ROWS: Final[Mapping[str, Sequence[Row]]] = {
    "sms": _SMS,
    "email": _EMAIL,
    "webhook": _SLACK,
    "push": _PUSH,
    "slack": _SLACK,
    "discord": _DISCORD,
    "telegram": _TELEGRAM,
}
