"""Turns compiler output into a headline, a place and a suggested action, one file per compiler family.

Pure: text in, findings out.
"""
