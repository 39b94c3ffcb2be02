"""The notifier and remote control for build machines.

Here live the program's packages, one per concept; nothing is imported by this file, so that the terminal starts at once.
"""

__version__ = "0.1.0"
