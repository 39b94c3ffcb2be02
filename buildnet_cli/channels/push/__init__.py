"""Mobile push through Firebase Cloud Messaging: topics that apps subscribe to, on Android and on iOS alike.

The form, the service account and what a refusal means are pure; access and the adapter make the requests.
"""
