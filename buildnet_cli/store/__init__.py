"""SQLite: the database with its one writer, and one file per table family.

It implements the protocols of the layers below; nothing else knows a table.
"""
