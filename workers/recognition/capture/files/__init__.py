"""Video files. Their losses are told by modules that must not load the decoder."""
