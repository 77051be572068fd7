"""Segment from the outside: HTTP, verdicts and limits; knows nothing of the tables here."""
