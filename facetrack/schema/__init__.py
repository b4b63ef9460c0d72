"""What the API's description of itself says beyond single operations."""
