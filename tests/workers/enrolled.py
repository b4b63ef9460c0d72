"""Enrols one of the made-up people, on a server: `python -m tests.workers.enrolled SCHEMA NAME PERSON`."""

import os
import sys


def main(schema: str, name: str, person: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "facetrack.settings")
    import django

    django.setup()
    import numpy as np

    from facetrack.core.images import clean_pixels
    from staff.actions import accept_face, add_face_image, save_staff_member
    from staff.models import StaffMember
    from tenants.isolation.context import inside
    from tenants.queries import customer
    from tests.chaos.people import PACK, template_of

    with inside(customer(schema)):
        member = save_staff_member(member=StaffMember(name=name), by=None)
        picture = np.full((16, 16, 3), int(person) % 256, dtype=np.uint8)  # what counts is the embedding
        accept_face(
            face_image=add_face_image(member=member, picture=clean_pixels(picture), by=None),
            box=[0, 0, 16, 16],
            landmarks=[1.0] * 10,
            quality=0.9,
            embedding=template_of(int(person)),
            pack=PACK,
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
