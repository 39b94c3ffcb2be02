"""Getting it out: accepting events, the outbox, and the dispatcher that empties it.

The protocols of channels and of the outbox belong here; their implementations live above.
"""
