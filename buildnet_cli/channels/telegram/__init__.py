"""Messages from a Telegram bot: as HTML that Telegram takes, in as many messages as its limit asks for.

The form, what a refusal means and what can be mended are pure; the adapter makes the requests.
"""
