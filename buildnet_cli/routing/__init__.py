"""Who hears of an event, and when. Pure: values and the time in, decisions with their reasons out.

Nothing here stores, sends or reads a clock.
"""
