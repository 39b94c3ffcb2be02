"""The one door to child processes.

Nothing here knows why one is started.
"""
