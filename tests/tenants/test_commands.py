"""create_tenant: a customer with schema, host and administrator, or a clear refusal and nothing half-made."""

from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django_tenants.utils import schema_context, schema_exists
from pytest_django.plugin import DjangoDbBlocker

from tenants.isolation.owner import as_owner
from tenants.models import Domain, Membership, Tenant, User
from tests.conftest import PASSWORD, drop_further_tenants

pytestmark = pytest.mark.usefixtures("leave_no_trace", "db")  # in this order: the clean-up comes last


@pytest.fixture
def leave_no_trace(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The owner commits: what the command made is there for other tests too, unless it goes."""
    yield
    with django_db_blocker.unblock():
        drop_further_tenants()


def create(name: str, host: str, admin: str = "boss@new.test") -> str:
    out = StringIO()
    call_command("create_tenant", name, domain=host, admin=admin, stdout=out)
    return out.getvalue()


def test_it_makes_schema_host_and_administrator() -> None:
    said = create("Globex Corp", "globex.example.com")
    tenant = Tenant.objects.get(name="Globex Corp")
    assert tenant.schema_name == "globex_corp"
    assert schema_exists("globex_corp")
    assert Domain.objects.get(tenant=tenant).domain == "globex.example.com"
    membership = Membership.objects.get(tenant=tenant)
    assert (membership.user.email, membership.role) == ("boss@new.test", "tenant_admin")
    password = said.split("password ")[1].split()[0]
    assert membership.user.check_password(password)


@pytest.mark.parametrize(
    ("first", "second", "schemas"),
    [
        ("Müller", "Muller", {"muller", "muller_2"}),
        ("東京電力", "関西電力", {"tenant", "tenant_2"}),
        ("A&B", "A B", {"a_b", "a_b_2"}),
        ("x" * 51, "x" * 52, {"x" * 50, "x" * 50 + "_2"}),
        ("3M", "public", {"tenant_3m", "tenant_public"}),
    ],
)
def test_names_that_lose_letters_have_schemas_of_their_own(
    first: str, second: str, schemas: set[str]
) -> None:
    create(first, "first.example.com")
    create(second, "second.example.com")
    found = Tenant.objects.filter(name__in=[first, second])
    assert set(found.values_list("schema_name", flat=True)) == schemas


def test_an_account_that_exists_keeps_its_password() -> None:
    with as_owner(), schema_context("public"):
        User.objects.create_user("boss@new.test", PASSWORD)
    assert "already has an account" in create("globex", "globex.example.com")
    assert User.objects.get(email="boss@new.test").check_password(PASSWORD)


@pytest.mark.parametrize(
    ("name", "host", "admin", "message"),
    [
        ("acme", "new.localhost", "a@b.test", "there is already a tenant 'acme'"),
        ("globex", "acme.localhost", "a@b.test", "already belongs to tenant 'acme'"),
        ("globex", "http://globex:80/", "a@b.test", "is not a host name"),
        ("\u3164", "new.localhost", "a@b.test", "characters that show nothing|invisible"),
        ("a\nb", "new.localhost", "a@b.test", "one line"),
        ("globex", "globex.localhost", "no e-mail", "valid email address"),
    ],
)
def test_it_refuses_in_words_and_leaves_nothing(name: str, host: str, admin: str, message: str) -> None:
    before = set(Tenant.objects.values_list("name", flat=True))
    with pytest.raises(CommandError, match=message):
        create(name, host, admin)
    assert set(Tenant.objects.values_list("name", flat=True)) == before
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_namespace WHERE nspname = 'globex'")
        assert cursor.fetchone() == (0,)


def test_an_unknown_tenant_is_named_with_those_there_are(tmp_path: object) -> None:
    with pytest.raises(CommandError, match=r"no tenant 'nobody' \(tenants: acme, other\)"):
        call_command("reindex", tenant="nobody")
