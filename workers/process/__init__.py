"""The worker process: it runs cameras and records what they see."""
