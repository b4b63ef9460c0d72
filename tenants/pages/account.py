"""One's own account: its second factor and recovery codes."""

from typing import Any

from allauth.account.views import ReauthenticateView
from allauth.mfa.base.views import ReauthenticateView as ReauthenticateByCodeView
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.views import GenerateRecoveryCodesView, ViewRecoveryCodesView
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.mixins import LoginRequiredMixin
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.generic import TemplateView

from tenants.access.rights import access_of
from tenants.accounts import second_factor
from tenants.accounts.forms import PENDING_SECRET
from tenants.actions import note_second_factor, use_code
from tenants.queries import is_public, tenant_of, user_of


@require_safe
@never_cache
def session_state(request: HttpRequest) -> JsonResponse:
    """Whether the user may still see the pages of this host; a page that comes back to the screen asks."""
    tenant = tenant_of(request)
    there = request.user.is_authenticated if is_public(tenant) else access_of(request) is not None
    return JsonResponse({"signed_in": there})


class AccountPage(LoginRequiredMixin, TemplateView):
    template_name = "account/page.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        codes = Authenticator.objects.filter(
            user=user_of(self.request), type=Authenticator.Type.RECOVERY_CODES
        ).first()
        left = len(codes.wrap().get_unused_codes()) if codes else 0
        return super().get_context_data(**kwargs) | {
            "codes_left": left,
            "required": second_factor.required(tenant_of(self.request)),
        }


class ConfirmPage(ReauthenticateView):  # type: ignore[misc]
    """Asks for the password again before something that only its owner should do."""

    template_name = "account/confirm.html"


class ConfirmCodePage(ReauthenticateByCodeView):  # type: ignore[misc]
    """The same with a code, for users who have their phone at hand."""

    template_name = "account/confirm.html"


@method_decorator(never_cache, name="dispatch")
class SetUpPage(ActivateTOTPView):  # type: ignore[misc]
    """A picture for the app to read, and the first code as proof that it did."""

    template_name = "account/second_factor.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        missing = second_factor.missing(user_of(self.request), tenant_of(self.request))
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {"missing": missing}

    @transaction.atomic
    def form_valid(self, form: Any) -> HttpResponse:
        answer: HttpResponse = super().form_valid(form)
        user = user_of(self.request)
        use_code(user=user, code=form.cleaned_data["code"])  # it must not log in as well
        note_second_factor(user=user, since=timezone.now())
        update_session_auth_hash(self.request, user)
        self.request.session.pop(PENDING_SECRET, None)
        messages.success(self.request, "Two-factor authentication is on. Your other sessions have ended.")
        return answer


class TurnOffPage(DeactivateTOTPView):  # type: ignore[misc]
    template_name = "account/second_factor_off.html"

    @transaction.atomic
    def form_valid(self, form: Any) -> HttpResponse:
        answer: HttpResponse = super().form_valid(form)
        user = user_of(self.request)
        note_second_factor(user=user, since=None)
        update_session_auth_hash(self.request, user)
        messages.success(self.request, "Two-factor authentication is off. Only your password is required.")
        return answer


@method_decorator(never_cache, name="dispatch")
class RecoveryCodesPage(ViewRecoveryCodesView):  # type: ignore[misc]
    """Shows codes once."""

    template_name = "account/recovery_codes.html"


class NewRecoveryCodesPage(GenerateRecoveryCodesView):  # type: ignore[misc]
    """Replaces the codes; former ones stop working."""

    template_name = "account/recovery_codes_new.html"
