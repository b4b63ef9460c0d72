"""The networks: which there are, where their files are, how they run."""
