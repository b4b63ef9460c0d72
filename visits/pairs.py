"""What is asked about visitors who may be one person, and about those who were merged."""

from uuid import UUID

from django.db.models import Exists, F, IntegerField, OuterRef, Q, QuerySet, UUIDField
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from django.http import Http404

from tenants.access import Access
from visits.gallery import sites_share
from visits.models import Merge, MergeProposal, Sighting
from visits.queries import visitors_called


def merge_proposals(access: Access) -> QuerySet[MergeProposal]:
    """Pairs of visitors who may be one person, most alike first; none across sites that do not share them.

    To a site manager those of whom nothing was seen at other sites: who decides has to see all of it.
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
    """What was merged, latest first, with `gone_number`, `gone_name` and `gone_shot` of who went into `kept`.

    To a site manager those of people of whom nothing was seen at other sites.
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
    if access.sites is not None:  # after it was undone, they may have been anywhere
        elsewhere = Sighting.objects.exclude(camera__site__in=access.sites)
        rows = rows.exclude(Exists(elsewhere.filter(visitor=OuterRef("gone_id"))))
    return rows.order_by("-created_at", "pk")


def get_merge_proposal(access: Access, proposal_id: UUID) -> MergeProposal:
    """Raises Http404."""
    proposal = merge_proposals(access).filter(pk=proposal_id).first()
    if proposal is None:
        raise Http404("There is no such pair of visitors: it was merged, or one of them is gone.")
    return proposal


def get_merge(access: Access, merge_id: UUID) -> Merge:
    """Raises Http404."""
    merge = merges(access).filter(pk=merge_id).first()
    if merge is None:
        raise Http404("There is no such merge.")
    return merge


def pairs_with(text: str) -> Q:
    """Proposals of visitors called so; see `visitors_called`."""
    return visitors_called(text, "first__") | visitors_called(text, "second__")


def merges_of(text: str) -> Q:
    """Merges of visitors called so, whether they were kept or not."""
    return visitors_called(text, "kept__") | visitors_called(text, "gone_")


def _seen_only_by(access: Access, visitor: OuterRef) -> Q:
    """Whether nothing of a visitor is out of sight of whoever asks."""
    if access.sites is None:
        return Q()
    seen = Sighting.objects.filter(visitor=visitor)
    return Q(Exists(seen.filter(camera__site__in=access.sites))) & ~Q(
        Exists(seen.exclude(camera__site__in=access.sites))
    )
