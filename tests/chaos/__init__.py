"""Real processes, a real RTSP server, and what happens when some of them die."""
