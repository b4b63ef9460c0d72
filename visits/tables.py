"""The tables of visits: what the activity log says of them."""

from tenants.audit.tracked_models import TrackedModel, UntrackedModel, fields

AUDIT: dict[str, TrackedModel | UntrackedModel] = {
    "visits.countedtrack": UntrackedModel("ids of tracks that are counted, without a person in them"),
    # Sightings come by the second and are facts themselves; who they were of is not to be rewritten unseen.
    "visits.liveevent": UntrackedModel("a journal for pages, cut every day"),
    "visits.merge": TrackedModel(
        ("kept.number",), hides=fields("gone sightings visits"), part_of=fields("kept")
    ),
    "visits.mergeproposal": TrackedModel(
        (), only=fields("state"), created=False, part_of=fields("first second")
    ),
    "visits.identityrejection": TrackedModel(("pack",), part_of=fields("person")),
    "visits.passagecount": UntrackedModel("a count without a person in it"),
    "visits.sighting": TrackedModel(
        (),
        only=fields("staff_member visitor decision camera started_at"),
        created=False,
        part_of=fields("staff_member visitor"),
    ),
    "visits.visit": TrackedModel(
        (),
        only=fields("staff_member visitor site camera started_at"),
        created=False,
        part_of=fields("staff_member visitor"),
    ),
    "visits.visitor": TrackedModel(
        ("number",), only=fields("name note number"), hides=fields("name"), created=False
    ),
}
