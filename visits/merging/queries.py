"""Queries about possible duplicates and merges."""

from uuid import UUID

from django.db.models import (
    Case,
    CharField,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    UUIDField,
    Value,
    When,
)
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce, Concat

from facetrack.core.rows import get_or_404
from staff.models import StaffMember
from tenants.access.rights import Access
from visits.index import sites_share
from visits.models import IdentityRejection, Merge, MergeProposal, Sighting, Visitor
from visits.queries import visitors_called


def merge_proposals(access: Access) -> QuerySet[MergeProposal]:
    """Pairs of visitors who may be the same person, most similar first; none across sites that do not share.

    Site managers see a pair only if all its sightings are at their sites: the decision needs all of them.
    """
    rows = MergeProposal.objects.select_related("first", "second").defer(
        "first__template", "second__template"
    )
    if not sites_share(access.tenant):
        rows = rows.filter(first__site=F("second__site"))
    for name in ("first", "second"):
        rows = rows.filter(_seen_only_by(access, OuterRef(name)))
    return rows.order_by("-score", "pk")


def merges(access: Access) -> QuerySet[Merge]:
    """Merges, newest first, with `gone_number`, `gone_name` and `gone_shot` of the merged visitor.

    Site managers see only merges of people whose sightings are all at their sites.
    """
    rows = (
        Merge.objects.select_related("kept", "created_by", "updated_by")
        .defer("kept__template", "kept_template", "gone_template")
        .annotate(
            gone_id=Cast(KT("gone__id"), UUIDField()),
            gone_number=Cast(KT("gone__number"), IntegerField()),
            gone_name=KT("gone__name"),
            gone_shot=KT("gone__best_shot"),
        )
    )
    rows = rows.filter(_seen_only_by(access, OuterRef("kept")))
    if access.sites is not None:  # after an undo, the restored visitor may have been seen elsewhere
        elsewhere = Sighting.objects.exclude(camera__site__in=access.sites)
        rows = rows.exclude(Exists(elsewhere.filter(visitor=OuterRef("gone_id"))))
    return rows.order_by("-created_at", "pk")


def rejections(access: Access) -> QuerySet[IdentityRejection]:
    """Rejected matches, newest first, without faces, with `person_name`.

    Site managers see those of sightings at their sites.
    """
    staff = StaffMember.objects.filter(pk=OuterRef("person")).values("name")
    called = Case(
        When(name="", then=Concat(Value("Visitor "), Cast("number", CharField()))),
        default=F("name"),
        output_field=CharField(),
    )
    visitor = Visitor.objects.filter(pk=OuterRef("person")).order_by().values(called=called)
    rows = IdentityRejection.objects.annotate(
        person_name=Coalesce(Subquery(staff), Subquery(visitor), Value("a former person"))
    ).select_related("sighting__camera__site", "created_by", "updated_by")
    rows = rows.defer("template", "sighting__template")
    if access.sites is not None:
        rows = rows.filter(sighting__camera__site__in=access.sites)
    return rows.order_by("-created_at", "pk")


def people_with_rejections(access: Access) -> dict[UUID, StaffMember | Visitor]:
    """The people of the rejected matches that the user may see, by id and ordered by name."""
    wanted = rejections(access).order_by().values("person")
    found: list[StaffMember | Visitor] = [
        *StaffMember.objects.filter(pk__in=wanted),
        *Visitor.objects.filter(pk__in=wanted).defer("template"),
    ]
    return {one.pk: one for one in sorted(found, key=str)}


def get_rejection(access: Access, rejection_id: UUID) -> IdentityRejection:
    """Raises Http404."""
    return get_or_404(
        rejections(access),
        "This rejected match does not exist: it was withdrawn, or the person was deleted.",
        pk=rejection_id,
    )


def get_merge_proposal(access: Access, proposal_id: UUID) -> MergeProposal:
    """Raises Http404."""
    return get_or_404(
        merge_proposals(access),
        "This pair no longer exists: it was merged, or one of the visitors was deleted.",
        pk=proposal_id,
    )


def get_merge(access: Access, merge_id: UUID) -> Merge:
    """Raises Http404."""
    return get_or_404(merges(access), "This merge does not exist.", pk=merge_id)


def pairs_with(text: str) -> Q:
    """Proposals of visitors with this name or number; see `visitors_called`."""
    return visitors_called(text, "first__") | visitors_called(text, "second__")


def merges_of(text: str) -> Q:
    """Merges of visitors with this name or number, kept or not."""
    return visitors_called(text, "kept__") | visitors_called(text, "gone_")


def _seen_only_by(access: Access, visitor: OuterRef) -> Q:
    """Whether the user can see all visits and sightings of a visitor."""
    if access.sites is None:
        return Q()
    seen = Sighting.objects.filter(visitor=visitor)
    return Q(Exists(seen.filter(camera__site__in=access.sites))) & ~Q(
        Exists(seen.exclude(camera__site__in=access.sites))
    )
