"""manage.py enrol DIR --tenant acme: enrol staff from a folder with one sub-folder per person."""

import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import track

from facetrack.core.images import BadPicture, clean_picture
from staff.actions import add_face_image, examine_again, save_staff_member
from staff.models import FaceImage, StaffMember
from staff.queries import waiting_face_images
from tenants.isolation.context import inside
from tenants.isolation.quotas import QuotaExceeded
from tenants.queries import TenantMissing, customer
from workers.process.enrolment import examine_picture
from workers.process.model_cache import loaded_models
from workers.recognition.models.store import ModelMissing


class Command(BaseCommand):
    help = "Enrol staff from a folder with one sub-folder per person, named after the person."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, nargs="?")
        parser.add_argument("--tenant", required=True)
        parser.add_argument(
            "--again",
            action="store_true",
            help="re-examine the pictures that were examined with another model pack than the one in use",
        )

    def handle(self, *args: Any, folder: Path | None, tenant: str, again: bool, **options: Any) -> None:
        if again:
            self._again(tenant)
            return
        if folder is None:
            raise CommandError("name a folder with one sub-folder per person, or use --again")
        if not folder.is_dir():
            raise CommandError(f"{folder} is not a folder: name a folder with one sub-folder per person")
        people = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
        if not people:
            raise CommandError(
                f"{folder} has no sub-folders: make one for each person, named after the person"
            )
        try:
            loaded_models()
            with inside(customer(tenant)):
                used = sum(self._enrol(person) for person in track(people, "Enrolling", console=_stderr()))
        except (TenantMissing, ModelMissing) as error:
            raise CommandError(str(error)) from None
        except QuotaExceeded as refusal:
            raise CommandError(" ".join(refusal.messages)) from None
        self.stdout.write(f"{used} picture(s) of {len(people)} person(s) are in use.")

    def _again(self, tenant: str) -> None:
        try:
            pack = loaded_models().embedder.pack
            with inside(customer(tenant)):
                count = examine_again(pack=pack)
                for face_image in track(list(waiting_face_images()), "Examining", console=_stderr()):
                    examine_picture(face_image.pk)
        except (TenantMissing, ModelMissing) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{count} picture(s) were examined again with {pack}.")

    def _enrol(self, folder: Path) -> int:
        """Add a person's pictures; returns how many are in use. Names refused pictures on stderr."""
        member = StaffMember.objects.filter(name=folder.name).first() or StaffMember(name=folder.name)
        save_staff_member(member=member, by=None)
        used = 0
        for path in sorted(path for path in folder.iterdir() if path.is_file()):
            try:
                with path.open("rb") as file:
                    picture = clean_picture(
                        file,
                        megabytes=settings.FACETRACK_UPLOAD_MEGABYTES,
                        megapixels=settings.FACETRACK_UPLOAD_MEGAPIXELS,
                    )
            except (BadPicture, OSError) as error:
                self.stderr.write(f"{path}: {error}")
                continue
            face_image = add_face_image(member=member, picture=picture, by=None)
            examine_picture(face_image.pk)
            face_image.refresh_from_db()
            if face_image.status == FaceImage.Status.REFUSED:
                self.stderr.write(f"{path}: {face_image.reason}")
            used += face_image.status == FaceImage.Status.READY
        return used


def _stderr() -> Console:
    return Console(file=sys.stderr)
