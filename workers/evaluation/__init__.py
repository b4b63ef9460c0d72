"""Evaluation: how often the recognition is wrong, measured on labelled pictures and clips."""
