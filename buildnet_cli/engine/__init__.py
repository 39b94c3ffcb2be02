"""The build system this agent speaks for: the port, its model, the project file, and the engines behind the port.

Nothing here sends a message or knows a channel; whatever happened is handed out as an event.
"""
