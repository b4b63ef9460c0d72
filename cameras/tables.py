"""The tables of cameras: what the activity log says of them."""

from tenants.audit.tracked_models import TrackedModel, UntrackedModel, fields

AUDIT: dict[str, TrackedModel | UntrackedModel] = {
    "cameras.camera": TrackedModel(
        ("name", "site.name"),
        ignores=fields(
            "worker epoch status status_detail picture_problem lost_frames started_at reported_at "
            "last_frame_at"
        ),
        hides=fields("location"),
    ),
    "cameras.cameracredential": TrackedModel(("camera.name",), hides=fields("username password")),
    "cameras.site": TrackedModel(("name",), hides=fields("address")),
}
