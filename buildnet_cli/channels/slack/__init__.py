"""Slack: a bot that posts to channels, answers in threads and changes what it posted; and the form that webhooks share.

Blocks and answers are pure; the adapter makes the requests. What comes in from Slack is not read here.
"""
