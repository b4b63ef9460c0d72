"""API of merges: possible duplicates, decisions about them, and undoing a merge."""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.rest.serializers import PictureField
from tenants.rest.views import RowsViewSet, member
from visits.filters import MergeFilters, ProposalFilters
from visits.merging.actions import keep_apart, merge_proposed, undo_merge
from visits.merging.queries import (
    get_merge,
    get_merge_proposal,
    merge_proposals,
    merges,
)
from visits.models import Merge, MergeProposal, Visitor
from visits.queries import shot_url


class VisitorFaceSerializer(serializers.ModelSerializer[Visitor]):
    """One of the two visitors of a pair."""

    name = serializers.CharField(source="__str__", read_only=True)
    picture = PictureField(shot_url, source="best_shot")

    class Meta:
        model = Visitor
        fields = ("id", "number", "name", "first_seen_at", "last_seen_at", "picture")
        read_only_fields = fields


class MergeProposalSerializer(serializers.ModelSerializer[MergeProposal]):
    """Two visitors who may be the same person."""

    first = VisitorFaceSerializer(read_only=True)
    second = VisitorFaceSerializer(read_only=True)

    class Meta:
        model = MergeProposal
        fields = ("id", "first", "second", "score", "state", "created_at")
        read_only_fields = fields


class GoneSerializer(serializers.Serializer[Merge]):
    """The merged visitor as they were then. Undoing the merge restores the same id and number."""

    id = serializers.UUIDField(source="gone_id")
    number = serializers.IntegerField(source="gone_number")
    name = serializers.CharField(source="gone_called")
    picture = PictureField(shot_url, source="gone_shot")


class MergeSerializer(serializers.ModelSerializer[Merge]):
    """`undone_at` is null while the merge is in effect."""

    kept = VisitorFaceSerializer(read_only=True)
    gone = GoneSerializer(source="*", read_only=True)

    class Meta:
        model = Merge
        fields = ("id", "kept", "gone", "created_at", "undone_at")
        read_only_fields = fields


class MergeProposalViewSet(RowsViewSet[MergeProposal]):
    """Visitors who may be the same person, newest pair first. A merged pair is no longer listed."""

    serializer_class = MergeProposalSerializer
    filterset_class = ProposalFilters
    queryset = MergeProposal.objects.none()
    bodiless: ClassVar[tuple[str, ...]] = ("accept", "reject")

    def get_queryset(self) -> QuerySet[MergeProposal]:
        return merge_proposals(self.access)

    def get_row(self, pk: UUID) -> MergeProposal:
        return get_merge_proposal(self.access, pk)

    @extend_schema(responses=MergeSerializer)
    @action(detail=True, methods=["post"], verb="change")
    def accept(self, request: Request, pk: UUID) -> Response:
        """Merge the two visitors. The named one is kept; otherwise the one who was seen first.

        Refused (409) if the pair was decided in the meantime.
        """
        pair = get_merge_proposal(self.access, pk)
        merge = merge_proposed(proposal=pair, by=member(request))
        return Response(self._serialized(merge))

    @action(detail=True, methods=["post"], verb="change")
    def reject(self, request: Request, pk: UUID) -> Response:
        """Mark the two as different people; they are not proposed again. 409 if decided in the meantime."""
        pair = get_merge_proposal(self.access, pk)
        keep_apart(proposal=pair, by=member(request))
        return self.answer(get_merge_proposal(self.access, pk))

    def _serialized(self, merge: Merge) -> dict[str, Any]:
        row = get_merge(self.access, merge.pk)
        return dict(MergeSerializer(row, context=self.get_serializer_context()).data)


class MergeViewSet(RowsViewSet[Merge]):
    """Merges, newest first."""

    serializer_class = MergeSerializer
    filterset_class = MergeFilters
    queryset = Merge.objects.none()
    bodiless: ClassVar[tuple[str, ...]] = ("undo",)

    def get_queryset(self) -> QuerySet[Merge]:
        return merges(self.access)

    def get_row(self, pk: UUID) -> Merge:
        return get_merge(self.access, pk)

    @action(detail=True, methods=["post"], verb="change")
    def undo(self, request: Request, pk: UUID) -> Response:
        """Undo the merge. Sightings made since the merge stay with the visitor who was kept.

        Refused (409) if it was already undone, or if a later merge has to be undone first.
        """
        merge = get_merge(self.access, pk)
        undo_merge(merge=merge, by=member(request), now=timezone.now())
        return self.answer(get_merge(self.access, pk))
