"""Recognition: frames in, tracks with a decision out. Knows no framework and no other room."""
