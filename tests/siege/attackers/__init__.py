"""What attackers do, by kind: each module has one round of it, which a client repeats."""
