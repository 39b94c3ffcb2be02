"""What stands between those who ask for builds and whatever carries them out: the queue, its rows and its events.

Nothing here knows how a package is built.
"""
