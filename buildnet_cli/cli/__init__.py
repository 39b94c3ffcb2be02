"""The terminal: one file per command group, one printer, one exit.

Only typer and the standard library are imported when these modules load.
"""
