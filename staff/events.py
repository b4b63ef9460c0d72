"""What the floors above are told, after the transaction is committed."""

from django.dispatch import Signal

face_image_added = Signal()
"""A picture waits to be examined. Sent with `face_image_id`."""
