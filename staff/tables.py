"""The tables of staff: what the activity log says of them."""

from tenants.audit.tracked_models import TrackedModel, UntrackedModel, fields

AUDIT: dict[str, TrackedModel | UntrackedModel] = {
    "staff.faceimage": TrackedModel(("staff_member.name",), part_of=fields("staff_member")),
    "staff.galleryversion": UntrackedModel("a counter that follows the rows it counts"),
    "staff.matchthresholds": TrackedModel(("pack",)),
    "staff.staffmember": TrackedModel(("name",), hides=fields("email employee_number")),
}
