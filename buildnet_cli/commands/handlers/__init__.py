"""One coroutine per command.

Parsing, permission and audit have happened before any of them is called.
"""
