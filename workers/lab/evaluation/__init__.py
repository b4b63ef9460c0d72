"""Error rates of the recognition, measured on labelled pictures and clips."""
