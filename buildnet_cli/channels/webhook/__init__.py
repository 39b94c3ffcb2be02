"""Webhooks: an HTTP request per message, as JSON, in Slack's or in Discord's form.

The payload is pure; the adapter does the one request.
"""
