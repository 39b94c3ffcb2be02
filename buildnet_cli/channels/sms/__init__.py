"""Text messages through Twilio: one short text per message, in as few segments as it can be told in.

The text and the meaning of refusals are pure; only the adapter's door is Twilio's library.
"""
