"""manage.py enrol DIR --tenant acme: enrol staff from a folder with one sub-folder per person.

Exit codes: 0, 1 if it could not be done, 3 if pictures resemble another person and wait for a decision.
"""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DataError
from rich.console import Console
from rich.progress import track

from facetrack.core.images import BadPicture, Busy, clean_picture
from facetrack.core.text import shown
from staff.actions import add_face_image, confirm_face_image, examine_again, save_staff_member
from staff.models import FaceImage, StaffMember
from staff.queries import shown_likeness, waiting_face_images
from tenants.access.rights import whole_tenant
from tenants.isolation.context import inside
from tenants.queries import TenantMissing, customer
from workers.process.enrolment import examine_picture
from workers.process.model_cache import loaded_models
from workers.recognition.models.store import ModelMissing

UNDECIDED = 3
"""The exit code if pictures wait for a decision."""


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
        parser.add_argument(
            "--confirm",
            action="store_true",
            help="enrol also pictures that resemble another person, as you know that these are different "
            "people; the activity log records it",
        )

    def handle(
        self, *args: Any, folder: Path | None, tenant: str, again: bool, confirm: bool, **options: Any
    ) -> None:
        self._confirm, self._repeated = confirm, 0
        self._held: list[str] = []
        if again:
            self._again(tenant)
            return
        if folder is None:
            raise CommandError("name a folder with one sub-folder per person, or use --again")
        if not folder.is_dir():
            raise CommandError(f"{folder} is not a folder: name a folder with one sub-folder per person")
        people = self._people(folder)
        if not people:
            raise CommandError(
                f"{folder} has no sub-folders: make one for each person, named after the person"
            )
        try:
            loaded_models()
            with inside(customer(tenant)):
                outcomes = [self._try(person) for person in track(people, "Enrolling", console=_stderr())]
        except (TenantMissing, ModelMissing) as error:
            raise CommandError(str(error)) from None
        used = [count for count in outcomes if count is not None]
        self.stdout.write(f"{sum(used)} picture(s) of {len(used)} person(s) are in use.")
        if self._repeated:
            self.stdout.write(f"{self._repeated} of the pictures were enrolled for their person before.")
        if left_out := len(outcomes) - len(used):
            message = f"{left_out} folder(s) were not, or not wholly, enrolled: see the reasons above."
            raise CommandError(f"{self._held_told(tenant)}\n{message}".strip())
        self._require_decided(tenant)

    def _people(self, folder: Path) -> list[Path]:
        """The sub-folders, of which hidden ones are left out and named."""
        try:
            people = sorted(path for path in folder.iterdir() if path.is_dir())
        except OSError as error:
            raise CommandError(f"{_shown(folder)} cannot be read: {shown(str(error))}") from None
        for person in (hidden := [path for path in people if path.name.startswith(".")]):
            self.stderr.write(f"{_shown(person)}: left out, because its name begins with a dot")
        return [path for path in people if path not in hidden]

    def _try(self, person: Path) -> int | None:
        """As `_enrol`; None for a folder that cannot be enrolled. The reason is on stderr, in one line."""
        try:
            return self._enrol(person)
        except ValidationError as refusal:  # also of a quota
            reason = " ".join(refusal.messages)
        except (DataError, OSError) as error:
            reason = str(error)
        self.stderr.write(f"{_shown(person)}: {shown(reason)}")
        return None

    def _again(self, tenant: str) -> None:
        try:
            pack = loaded_models().embedder.pack
            with inside(customer(tenant)):
                count = examine_again(pack=pack)
                waiting = waiting_face_images().order_by("created_at")  # the later one of two is held
                for face_image in track(list(waiting), "Examining", console=_stderr()):
                    self._examine(face_image, str(face_image))
        except (TenantMissing, ModelMissing) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{count} picture(s) were examined again with {pack}.")
        self._require_decided(tenant)

    def _enrol(self, folder: Path) -> int:
        """Add a person's pictures; returns how many are in use. Names refused pictures on stderr."""
        name = StaffMember._meta.get_field("name").clean(folder.name, None)
        member = StaffMember.objects.filter(name=name).first() or StaffMember(name=name)
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
            except (BadPicture, Busy, OSError) as error:
                self.stderr.write(f"{_shown(path)}: {shown(str(error))}")
                continue
            face_image = add_face_image(member=member, picture=picture, by=None)
            self._repeated += face_image.repeated
            self._examine(face_image, _shown(path))
            if face_image.status == FaceImage.Status.REFUSED:
                self.stderr.write(f"{_shown(path)}: {face_image.reason}")
            used += face_image.status == FaceImage.Status.READY
        return used

    def _examine(self, face_image: FaceImage, name: str) -> None:
        """Examine the picture. `face_image` gets the outcome; one that is held is confirmed or listed."""
        examine_picture(face_image.pk)
        face_image.refresh_from_db()
        while self._confirm and face_image.status == FaceImage.Status.HELD:
            with suppress(ValidationError):  # a user has just decided, or it is held because of others now
                confirm_face_image(face_image=face_image, by=None)
            examine_picture(face_image.pk)
            face_image.refresh_from_db()
        if face_image.status == FaceImage.Status.HELD:
            self._held.append(f"{name}: {_told(face_image)}")

    def _held_told(self, tenant: str) -> str:
        """Which pictures wait for a decision, and how to decide; empty if none does."""
        if not self._held:
            return ""
        return (
            f"{len(self._held)} picture(s) wait for a decision and are not used:\n"
            + "\n".join(self._held)
            + "\nDecide on the page of each person, or enrol all of them all the same with "
            f"`manage.py enrol … --tenant {tenant} --confirm`."
        )

    def _require_decided(self, tenant: str) -> None:
        """Raises CommandError if pictures wait for a decision."""
        if self._held:
            raise CommandError(self._held_told(tenant), returncode=UNDECIDED)


def _told(face_image: FaceImage) -> str:
    """Why it is held, and by which figures."""
    reason = shown_likeness(whole_tenant(), face_image).reason
    if face_image.similarity is None:
        return reason
    return (
        f"{reason} (Similarity {face_image.similarity:.2f}; two faces count as one person from "
        f"{face_image.threshold:.2f} on, the threshold of {face_image.threshold_from}.)"
    )


def _shown(path: Path) -> str:
    return shown(str(path))


def _stderr() -> Console:
    return Console(file=sys.stderr)
