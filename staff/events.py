"""What the floors above are told, after the transaction is committed."""

from django.dispatch import Signal

staff_member_leaving = Signal()
"""A staff member is about to be deleted with all that hangs on them; sent inside the transaction, with
`staff_member_id`, because afterwards nobody can tell any more what belonged to them."""

face_image_added = Signal()
"""A picture waits to be examined. Sent with `face_image_id`."""
