"""What people ask: the registry of commands, their grammar, and their execution.

Every channel and the terminal go through here; nothing here speaks a channel's protocol.
"""
