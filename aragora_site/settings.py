"""Django's settings, derived from `aragora_site.environment`."""

import os
import secrets
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from aragora_site import logs
from aragora_site.databases import databases
from aragora_site.environment import BASE_DIR, Environment, Problem, load_dotenv_file
from aragora_site.version import VERSION
from monitoring import tracing

load_dotenv_file()
ARAGORA_VERSION = VERSION
ARAGORA: Environment
ARAGORA_PROBLEMS: tuple[Problem, ...]
ARAGORA, ARAGORA_PROBLEMS = Environment.read(os.environ)


def _secret_key(data_dir: Path) -> str:
    """The generated secret of this installation, made on the first start, for its owner only."""
    file = data_dir / "secret_key"
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        if file.exists():
            return file.read_text().strip()
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:  # Another process was faster.
        if data_dir.is_dir():
            return file.read_text().strip()
        raise _no_data_dir(data_dir, "it is a file") from None
    except OSError as error:
        raise _no_data_dir(data_dir, error.strerror or type(error).__name__) from None
    with os.fdopen(descriptor, "w") as handle:
        handle.write(secret := secrets.token_urlsafe(50))
    return secret


def _no_data_dir(data_dir: Path, reason: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(
        f"Aragora cannot keep its data in {data_dir}: {reason}. Set ARAGORA_DATA_DIR to a folder "
        "that this account may write to."
    )


DEBUG = ARAGORA.debug
SECRET_KEY = ARAGORA.secret_key or _secret_key(ARAGORA.data_dir)
ALLOWED_HOSTS = list(ARAGORA.allowed_hosts)
CSRF_TRUSTED_ORIGINS = list(ARAGORA.csrf_trusted_origins)

INSTALLED_APPS = [
    # All it does as an app is to take over `runserver`, at half a second of imports.
    *(["daphne"] if sys.argv[1:2] == ["runserver"] else []),
    "channels",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "servestatic.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_prometheus",
    # Its migrations are PostgreSQL's only. With SQLite the rows of the debates are the queue.
    *(["procrastinate.contrib.django"] if ARAGORA.database_url.startswith("postgres") else []),
    "aragora_site",
    "aragora_site.tenancy",
    "debates",
    "memory",
    "ratelimit",
    "monitoring",
]

MIDDLEWARE = [
    "aragora_site.middleware.RequestIdMiddleware",
    "aragora_site.middleware.ProbeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "aragora_site.middleware.ContentSecurityPolicyMiddleware",
    "aragora_site.middleware.BodyLimitMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "ratelimit.identifying.ApiKeyMiddleware",
    "aragora_site.middleware.TenancyMiddleware",
    "aragora_site.middleware.RateLimitMiddleware",
    "aragora_site.middleware.MessagesMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
if ARAGORA.log_requests != "none":
    MIDDLEWARE.insert(1, "aragora_site.observing.RequestLogMiddleware")
if ARAGORA.enable_telemetry and tracing.is_wanted():
    MIDDLEWARE.insert(0, "aragora_site.observing.TracingMiddleware")

ROOT_URLCONF = "aragora_site.urls"
ASGI_APPLICATION = "aragora_site.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]


DATABASES = databases(ARAGORA)
DATABASE_ROUTERS = ["monitoring.replica.ReplicaRouter"] if "replica" in DATABASES else []
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

if ARAGORA.redis_url:
    CHANNEL_LAYERS: dict[str, Any] = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [ARAGORA.redis_url], "prefix": "aragora"},
        }
    }
    CACHES: dict[str, Any] = {
        "default": {
            "BACKEND": "aragora_site.caches.TolerantRedisCache",
            "LOCATION": ARAGORA.redis_url,
            "TIMEOUT": ARAGORA.cache_ttl,
            "KEY_PREFIX": "aragora:cache",
        },
        # `debates.caching`. Another release may make answers of another form.
        "answers": {
            "BACKEND": "aragora_site.caches.TolerantRedisCache",
            "LOCATION": ARAGORA.redis_url,
            "TIMEOUT": ARAGORA.cache_ttl,
            "KEY_PREFIX": f"aragora:answers:{VERSION}",
        },
    }
else:
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "TIMEOUT": ARAGORA.cache_ttl,
        },
        # On its own, so that many answers do not drive out what is counted in the other one.
        "answers": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "LOCATION": "answers",
            "TIMEOUT": ARAGORA.cache_ttl,
            "OPTIONS": {"MAX_ENTRIES": 500},
        },
    }

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AUTHENTICATION_BACKENDS = ["ratelimit.accounts.NameOrEmailBackend"]
PASSWORD_RESET_TIMEOUT = 3600
LOGIN_URL = "web:sign_in"
LOGIN_REDIRECT_URL = "web:home"
LOGOUT_REDIRECT_URL = "web:home"

TENANCY_STRICT = ARAGORA.strict_tenancy or DEBUG

DEFAULT_FROM_EMAIL = SERVER_EMAIL = ARAGORA.email_from
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
EMAIL_TIMEOUT = 20
if ARAGORA.email_url:
    _email = urlsplit(ARAGORA.email_url)
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_USE_SSL = _email.scheme == "smtps"
    EMAIL_USE_TLS = not EMAIL_USE_SSL and bool(_email.username)
    EMAIL_HOST = _email.hostname
    EMAIL_PORT = _email.port or (465 if EMAIL_USE_SSL else 587 if EMAIL_USE_TLS else 25)
    EMAIL_HOST_USER = unquote(_email.username or "")
    EMAIL_HOST_PASSWORD = unquote(_email.password or "")

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = ARAGORA.data_dir / "static"

# The body limit counts everything, files included (`BodyLimitMiddleware`); within it, forms may
# be as long as they like.
DATA_UPLOAD_MAX_MEMORY_SIZE = ARAGORA.max_upload_bytes
FILE_UPLOAD_MAX_MEMORY_SIZE = ARAGORA.max_upload_bytes

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "aragora_site.error_views.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
if ARAGORA.secure_cookies:
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True

LOGGING_CONFIG = None
logs.configure(format=ARAGORA.log_format, level=ARAGORA.log_level, on_terminal=sys.stderr.isatty())
