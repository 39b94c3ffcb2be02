"""What happened: the event, its priority, the catalogue of known types, patterns over them, and incidents.

Nothing here reads a clock, a file or a socket; the bus is the one part that runs.
"""
