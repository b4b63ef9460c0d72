"""Queries about possible duplicates and merges."""

from uuid import UUID

from django.db.models import Exists, F, IntegerField, OuterRef, Q, QuerySet, UUIDField
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from facetrack.core.rows import get_or_404
from tenants.access.rights import Access
from visits.index import sites_share
from visits.models import Merge, MergeProposal, Sighting
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
