"""Picture files are decoded by child processes, after their headers were read."""
