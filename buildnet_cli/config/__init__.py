"""What the operator wrote: one file per section of the YAML, parsed once into frozen models, and the way from the file to them.

Nothing here sends, stores or runs anything; what a setting makes the program do lives with whoever reads it.
"""
