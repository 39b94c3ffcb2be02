"""What we say: one rendering of an event, and the templates that people may put in its place.

Nothing here knows a provider; its form and limits belong to the channels.
"""
