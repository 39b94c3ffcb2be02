"""Small tools for words."""
