"""A stand-in for Discord's API, version 10: it takes what Discord takes and refuses what Discord refuses, in Discord's words.

Nothing here knows what sends to it.
"""
