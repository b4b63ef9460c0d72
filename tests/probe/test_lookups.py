"""The admins' lists answer what they offer and nothing else: every column, every relation, every list."""

from collections.abc import Iterator
from itertools import cycle
from typing import Any, cast
from urllib.parse import urlencode

import pytest
from django.contrib.admin import ModelAdmin
from django.contrib.admin.exceptions import DisallowedModelAdminLookup, DisallowedModelAdminToField
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.messages.storage.fallback import FallbackStorage
from django.http import HttpRequest, QueryDict
from django.test import Client, RequestFactory
from django_tenants.utils import tenant_context

from tenants.access.rights import Access, admit
from tenants.changelists import OfferedAdmin
from tenants.isolation.context import installation
from tenants.models import Tenant, User
from tenants.rules import Role
from tests.probe.lookups import OFFERED, OPERATORS, admins, is_offered, parameter_of, paths

REFUSED = (DisallowedModelAdminLookup, IncorrectLookupParameters)
ADMINS = admins()
SENSITIVE = ("password", "embedding", "template", "secret", "hash", "username")


@pytest.fixture
def root(db: None) -> User:
    with installation():
        return User.objects.create_superuser("root@installation.test", "x")


@pytest.fixture(params=ADMINS)
def asked(
    request: pytest.FixtureRequest, acme: Tenant, member_of: Any, root: User
) -> Iterator[tuple[ModelAdmin[Any], HttpRequest]]:
    """An admin, and a request by whoever may see the most of it."""
    public = request.param.startswith("public")
    asking = RequestFactory().get("/")
    with installation():
        tenant = Tenant.objects.get(schema_name="public") if public else acme
    asking.tenant = tenant  # type: ignore[attr-defined]
    asking.user = root if public else member_of(acme, Role.TENANT_ADMIN)
    asking.session = {}  # type: ignore[assignment]
    asking._messages = FallbackStorage(asking)  # type: ignore[attr-defined]
    if not public:
        admit(asking, Access(tenant=acme, role=Role.TENANT_ADMIN, user=asking.user))
    with tenant_context(tenant):
        yield ADMINS[request.param], asking


def ask(admin: ModelAdmin[Any], request: HttpRequest, parameter: str, value: str) -> Any:
    cast(Any, request).GET = QueryDict(urlencode({parameter: value}))
    return admin.get_changelist_instance(request)


def test_every_admin_is_one_of_ours() -> None:
    assert len(ADMINS) > 10
    for name, admin in ADMINS.items():
        assert isinstance(admin, OfferedAdmin), name


def test_relations_lead_to_what_is_nobodys_business() -> None:
    """Or the test below would prove nothing."""
    camera = set(paths(ADMINS["tenant cameras.camera"].model))
    assert {"password", "site__created_by__password", "credential__password"} - camera == {"password"}
    assert {"site__visits__visitor", "site__cameras__name", "created_by__memberships__role"} <= camera
    for name in ("tenant visits.sighting", "public tenants.tenant"):
        ends = [path.rpartition("__")[2] for path in paths(ADMINS[name].model)]
        assert any(end in SENSITIVE for end in ends), name


def test_no_column_is_asked_about_but_those_on_offer(asked: tuple[ModelAdmin[Any], HttpRequest]) -> None:
    admin, request = asked
    operators, answered = cycle(OPERATORS.items()), []
    for path in dict.fromkeys([*paths(admin.model, 1), *paths(admin.model)]):
        few = OPERATORS.items() if "__" not in path else [next(operators)]
        for operator, value in few:
            parameter = parameter_of(path, operator)
            if is_offered(admin, parameter):
                continue
            try:
                ask(admin, request, parameter, value)
            except REFUSED:
                continue
            answered.append(parameter)
    assert not answered


def test_what_is_on_offer_is_answered(asked: tuple[ModelAdmin[Any], HttpRequest]) -> None:
    admin, request = asked
    for parameter in OFFERED.get(admin.model._meta.label_lower, ()):
        value = "2026" if parameter.endswith("__year") else "1"
        if "id__exact" in parameter:
            value = "00000000-0000-4000-8000-000000000000"
        found = ask(admin, request, parameter, value)
        assert parameter in found.filter_params
        assert len(found.result_list) == found.result_count


def test_rows_are_named_by_their_key_only(asked: tuple[ModelAdmin[Any], HttpRequest]) -> None:
    """`_to_field` names the column by which a popup would tell a row."""
    admin, request = asked
    for field in admin.model._meta.concrete_fields:
        if not field.primary_key:
            with pytest.raises(DisallowedModelAdminToField):
                ask(admin, request, "_to_field", field.name)


def test_a_search_has_a_length(asked: tuple[ModelAdmin[Any], HttpRequest]) -> None:
    admin, request = asked
    assert ask(admin, request, "q", "word " * 9).query
    assert not ask(admin, request, "q", "w " * 11).query
    assert not ask(admin, request, "q", "w" * 101).query


def test_ways_round_the_lists_are_closed(acme: Tenant, client_of: Any, root: User) -> None:
    """What completes the names of related rows, and what leads from a content type and an id to a row."""
    installed = Client(SERVER_NAME="localhost")
    with installation():
        installed.force_login(root)
    for client in (client_of(acme), installed):
        for path in ("autocomplete/?app_label=cameras&model_name=camera&field_name=site&term=", "r/1/1/"):
            assert client.get(f"/admin/{path}").status_code == 404, path


def test_lists_of_the_api_take_the_parameters_that_they_describe(acme: Tenant, client_of: Any) -> None:
    client = client_of(acme)
    paths_ = client.get("/api/v1/schema/?format=json").json()["paths"]
    lists = [
        path
        for path, operations in paths_.items()
        if "{" not in path
        and "cursor" in {one["name"] for one in operations.get("get", {}).get("parameters", ())}
    ]
    assert len(lists) > 8
    for path in lists:
        for name in ("created_by__password__startswith", "ordering", "site__name__gte", "fields"):
            assert client.get(path, {name: "a"}).status_code == 400, (path, name)
