"""A stand-in for Slack's Web API: it takes what Slack takes and refuses what Slack refuses, in Slack's words.

Nothing here knows what sends to it.
"""
