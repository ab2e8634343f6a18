"""Signing in. Attempts are limited by address, as everywhere (`aragora_site`)."""

from django.contrib.auth.views import LoginView


class SignIn(LoginView):
    """Django's own, in our clothes."""

    template_name = "web/sign_in.html"
    redirect_authenticated_user = True
