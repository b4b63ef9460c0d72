"""What the floors above are told, after the transaction is committed."""

from django.dispatch import Signal

camera_wanted = Signal()
"""A camera's desired state or source changed. Sent with `camera_id`."""
