"""Generated camera clips with known truth: who is in view from which frame to which."""
