"""The one outgoing door for HTTP, and the rule which hosts may be reached.

Nothing here knows what is sent.
"""
