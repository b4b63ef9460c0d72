"""What is written one at a time, and the order in which it is locked.

Two transactions that want the same locks take them in the same order, so that none waits for one that waits
for it. A transaction takes those that it needs from top to bottom, and holds them until it ends:

1. the camera's lease (`workers.fleet.leases.require_epoch`), shared by all records of the camera
2. one track (`lock_track`): the same report twice, and users' decisions about it
3. the strangers (`lock_strangers`): who becomes a new visitor, or is brought back as one
4. people, all at once (`lock_people`): the visits, sightings and template of a visitor or staff member
5. rows: visitors by id, then the others
6. the journal (`lock_journal`): last, for the ids of its events (`visits.live_events.journalled`)

PostgreSQL takes the head of the activity log when the transaction commits, after all of these.
"""

from uuid import UUID

from django.db import connection

from tenants.queries import active_tenant


def lock_track(sighting_id: UUID) -> None:
    """Until the transaction ends, no other one writes this track."""
    _lock(f"track {sighting_id}")


def lock_strangers() -> None:
    """Until the transaction ends, no other one makes a visitor of the tenant."""
    _lock("strangers")


def lock_people(*people: UUID) -> None:
    """Until the transaction ends, no other one writes what belongs to these visitors and staff members.

    A transaction calls it once, with all of them: it locks them in the order of their ids.
    """
    _lock(*(f"person {person}" for person in sorted(people)))


def lock_journal() -> None:
    """Until the transaction ends, no other one writes into the journal. To be taken last."""
    _lock(JOURNAL)


JOURNAL = "journal"


def key_of(name: str) -> str:
    """The text from whose hash PostgreSQL's key is made."""
    return f"{active_tenant().schema_name} {name}"


def _lock(*names: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest(%s::text[]) name",
            [[key_of(name) for name in names]],
        )
