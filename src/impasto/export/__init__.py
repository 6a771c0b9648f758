"""Styles for other programs."""
