"""The sections under `notifications.channels`, one file per provider kind.

Only what an operator can write about a channel is here; what talks to providers lives in `buildnet_cli.channels`.
"""
