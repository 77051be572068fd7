"""Every setting of Sluice, read from the environment; secure by default, self-contained in embedded mode."""

import ipaddress
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import django_stubs_ext
from django.core.exceptions import ImproperlyConfigured

from config.embedded import kept_secret
from config.environment import Environment, reading

# Django's forms take their type arguments from the type checker only; this lets them be written at run time too.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment()

# --- Mode ---------------------------------------------------------------------------------------------------------
# SLUICE_MODE: "production" (default) or "embedded": one host, SQLite, secrets generated and kept in the data folder.
SLUICE_MODE = env.str("SLUICE_MODE", default="production")
if SLUICE_MODE not in {"production", "embedded"}:
    raise ImproperlyConfigured(f"SLUICE_MODE must be 'production' or 'embedded', not {SLUICE_MODE!r}.")
EMBEDDED = SLUICE_MODE == "embedded"
# SLUICE_DATA_DIR: folder of the embedded databases, generated secrets and collected static files; default "var".
DATA_DIR = Path(env.str("SLUICE_DATA_DIR", default=str(BASE_DIR / "var"))).resolve()
# DEBUG: Django's debug pages; default off. Never on where others can reach the server.
DEBUG = env.bool("DEBUG", default=False)

# --- Secrets ------------------------------------------------------------------------------------------------------
# SECRET_KEY: signs sessions and one-time links; required in production.
SECRET_KEY = kept_secret(DATA_DIR, "secret_key", env.str("SECRET_KEY", default=""), required=not EMBEDDED)
# SLUICE_ENCRYPTION_KEYS: comma-separated 32-byte keys in base64, newest first; encrypt write keys and webhook secrets.
SLUICE_ENCRYPTION_KEYS = [
    key.strip()
    for key in kept_secret(
        DATA_DIR, "encryption_keys", env.str("SLUICE_ENCRYPTION_KEYS", default=""), required=not EMBEDDED
    ).split(",")
    if key.strip()
]

# --- Address of this installation ---------------------------------------------------------------------------------
# SLUICE_BASE_URL: where people and assistants reach Sluice; used in one-time links and set-up instructions.
SLUICE_BASE_URL = env.str("SLUICE_BASE_URL", default=f"http://127.0.0.1:{env.int('PORT', default=8000)}").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"] if EMBEDDED else [])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# SLUICE_TRUSTED_PROXIES: comma-separated networks whose X-Forwarded-For and -Proto are believed; default none.
with reading("SLUICE_TRUSTED_PROXIES"):
    SLUICE_TRUSTED_PROXIES = [ipaddress.ip_network(each) for each in env.list("SLUICE_TRUSTED_PROXIES", default=[])]

# --- Notices ------------------------------------------------------------------------------------------------------
# SLUICE_ATTENTION_WEBHOOK: URL that gets a POST, as Slack takes it, when something is amiss, and when it is over.
SLUICE_ATTENTION_WEBHOOK = env.str("SLUICE_ATTENTION_WEBHOOK", default="")
# SLUICE_NOTICE_EMAILS: comma-separated addresses that are told the same; default none. Needs EMAIL_URL.
SLUICE_NOTICE_EMAILS = env.list("SLUICE_NOTICE_EMAILS", default=[])
# EMAIL_URL: the server that takes e-mail, such as smtp+tls://user:password@host:587; default none.
EMAIL_URL = env.str("EMAIL_URL", default="")
with reading("EMAIL_URL"):
    vars().update(env.email_url_config(EMAIL_URL or "dummymail://"))
# A server that has frozen must not hold up a sweep for longer than a webhook.
EMAIL_TIMEOUT = 10
# DEFAULT_FROM_EMAIL: the sender of these e-mails; default sluice@ and the host of SLUICE_BASE_URL.
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default=f"sluice@{urlsplit(SLUICE_BASE_URL).hostname}")

# --- Monitoring ---------------------------------------------------------------------------------------------------
# SLUICE_METRICS_TOKEN: what reads /metrics from elsewhere than this host, as a bearer token; default none, so nobody.
SLUICE_METRICS_TOKEN = env.str("SLUICE_METRICS_TOKEN", default="")

# --- Segment ------------------------------------------------------------------------------------------------------
# SLUICE_ALLOW_CUSTOM_ENDPOINTS: whether a connection may send to a URL of its own; default on in embedded mode only.
SLUICE_ALLOW_CUSTOM_ENDPOINTS = env.bool("SLUICE_ALLOW_CUSTOM_ENDPOINTS", default=EMBEDDED)
# SLUICE_ALLOW_PRIVATE_ENDPOINTS: whether such a URL may be a private address or plain http; default as above.
SLUICE_ALLOW_PRIVATE_ENDPOINTS = env.bool("SLUICE_ALLOW_PRIVATE_ENDPOINTS", default=EMBEDDED)
# SLUICE_REQUEST_SECONDS: overall deadline of one request to Segment; default 15.
SLUICE_REQUEST_SECONDS = env.float("SLUICE_REQUEST_SECONDS", default=15.0)
# SLUICE_LEASE_SECONDS: how long a worker holds a lane without a sign of life; above the deadline; default 30.
SLUICE_LEASE_SECONDS = env.float("SLUICE_LEASE_SECONDS", default=30.0)
# SLUICE_SWEEP_SECONDS: from one sweep to the next; default 1.
SLUICE_SWEEP_SECONDS = env.float("SLUICE_SWEEP_SECONDS", default=1.0)
# How often the web server looks whether a sweep is missing, and wakes what is due in its place.
SLUICE_STAND_IN_SECONDS = 15.0

# --- Database -----------------------------------------------------------------------------------------------------
# DATABASE_URL: PostgreSQL 15 or newer; default in embedded mode a SQLite file in the data folder.
DATABASE_URL = env.str("DATABASE_URL", default=f"sqlite:///{DATA_DIR}/sluice.sqlite3" if EMBEDDED else "")
if not DATABASE_URL:
    raise ImproperlyConfigured(
        "DATABASE_URL is required outside embedded mode, e.g. postgres://user:password@host/sluice."
    )
with reading("DATABASE_URL"):
    DATABASES = {"default": env.db_url_config(DATABASE_URL)}
    DATABASE_ENGINE = DATABASES["default"]["ENGINE"]
if DATABASE_ENGINE == "django.db.backends.sqlite3":
    # IMMEDIATE: a transaction that reads first must not fail at its first write. FULL: a 2xx says "on disk".
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA journal_size_limit=67108864;",
    }
else:
    # Under ASGI each request has a thread of its own, so connections come from psycopg's pool.
    DATABASES["default"]["CONN_MAX_AGE"] = 0
    # A restarted server must not cost every pooled connection its next request.
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    DATABASES["default"]["OPTIONS"] = {
        **DATABASES["default"].get("OPTIONS", {}),
        "pool": {"min_size": 0, "max_size": env.int("SLUICE_DATABASE_POOL", default=8), "timeout": 5},
        "connect_timeout": 5,
        # A server that vanished without a goodbye is noticed within half a minute; the system's own limits are hours.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 4,
        "tcp_user_timeout": 30_000,
        # SLUICE_PREPARED_STATEMENTS: let PostgreSQL keep the plans of the statements of each batch; default on. Off for
        # a PgBouncer in transaction mode that is older than 1.21.
        "prepare_threshold": 1 if env.bool("SLUICE_PREPARED_STATEMENTS", default=True) else None,
    }
    # PgBouncer in transaction mode has no server-side cursors.
    DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True

# --- Broker and cache ---------------------------------------------------------------------------------------------
# CELERY_BROKER_URL: Redis 7 or newer with noeviction; default in embedded mode a SQLite file of its own.
CELERY_BROKER_URL = env.str(
    "CELERY_BROKER_URL", default=f"sqla+sqlite:///{DATA_DIR}/broker.sqlite3" if EMBEDDED else ""
)
if not CELERY_BROKER_URL:
    raise ImproperlyConfigured("CELERY_BROKER_URL is required outside embedded mode, e.g. redis://host:6379/0.")
# CACHE_URL: holds the pending wake-ups; default the broker where that is Redis, else this process's memory.
CACHE_URL = env.str(
    "CACHE_URL", default=CELERY_BROKER_URL if CELERY_BROKER_URL.startswith("redis") else "locmemcache://"
)
with reading("CACHE_URL"):
    CACHES = {"default": env.cache_url_config(CACHE_URL)}
if CACHE_URL.startswith("redis"):
    # Nobody may wait for a cache that has frozen.
    CACHES["default"]["OPTIONS"] = {"socket_timeout": 0.25, "socket_connect_timeout": 0.25}

# --- Applications -------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "servestatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "django_htmx",
    "axes",
    "assistants.apps.AssistantsConfig",
    "integrations.apps.IntegrationsConfig",
    "dashboard.apps.DashboardConfig",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "dashboard.access.security_headers",
    "servestatic.middleware.ServeStaticMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "dashboard.access.SignInRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    ["django.template.loaders.filesystem.Loader", "django.template.loaders.app_directories.Loader"],
                )
            ],
            "builtins": ["dashboard.templatetags.ui"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dashboard.context.frame",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
USE_TZ = True
TIME_ZONE = "UTC"

# --- Static files -------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "servestatic.storage.CompressedManifestStaticFilesStorage"},
}

# --- Celery: carries wake-ups only, so losing, repeating or delaying one costs latency and nothing else -----------
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_MAX_TASKS_PER_CHILD = 10_000
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_POOL_ACQUIRE_TIMEOUT = 0.5
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 20.0
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True

# --- Sign-in and browser security ---------------------------------------------------------------------------------
LOGIN_URL = "account:sign_in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "account:sign_in"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = ["dashboard.hashers.SmallArgon2PasswordHasher", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# One-time links live this long, or until the password is set.
PASSWORD_RESET_TIMEOUT = 3 * 24 * 3600
# Five wrong passwords for one account from one network, or fifty from one network, close sign-in there for 15 minutes.
AXES_HANDLER = "dashboard.throttle.SignInThrottle"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"], ["ip_address"]]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "assistants.addresses.client_network"
AXES_LOCKOUT_CALLABLE = "dashboard.views.account.locked_out"
AXES_SENSITIVE_PARAMETERS = ["username", "current_password", "new_password1", "new_password2", "csrfmiddlewaretoken"]
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
# A session ends after 12 idle hours (here) and seven days after sign-in (dashboard/access.py).
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_NAME = "session" if EMBEDDED else "__Host-session"
CSRF_COOKIE_NAME = "csrf" if EMBEDDED else "__Host-csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not EMBEDDED
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = not EMBEDDED
# Probes and monitoring come from inside, without TLS.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 0 if EMBEDDED else 365 * 24 * 3600
SECURE_HSTS_INCLUDE_SUBDOMAINS = not EMBEDDED
# Only a proxy of ours may say that the request came over TLS.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SLUICE_TRUSTED_PROXIES else None
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Error pages and reports never show the values of variables or form fields, not even under DEBUG.
DEFAULT_EXCEPTION_REPORTER_FILTER = "dashboard.error_reports.NoValuesFilter"
# Putting the domain on browsers' preload lists is the owner's decision.
SILENCED_SYSTEM_CHECKS = ["security.W021"]

# --- Logging ------------------------------------------------------------------------------------------------------
# SLUICE_LOG_FORMAT: "json", one object a line, or "text"; default text in embedded mode, else json.
SLUICE_LOG_FORMAT = env.str("SLUICE_LOG_FORMAT", default="text" if EMBEDDED else "json")
if SLUICE_LOG_FORMAT not in {"json", "text"}:
    raise ImproperlyConfigured(f"SLUICE_LOG_FORMAT must be 'json' or 'text', not {SLUICE_LOG_FORMAT!r}.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "context": {"()": "assistants.log_context.AddContext"},
        "mask": {"()": "assistants.log_filter.MaskSecrets"},
    },
    "formatters": {
        "text": {"format": "{asctime} {levelname} {name}{about}: {message}", "style": "{"},
        "json": {"()": "assistants.log_lines.JsonLines"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": SLUICE_LOG_FORMAT,
            "filters": ["context", "mask"],
        }
    },
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        # The clients' own lines would name hosts and headers at each request.
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
    },
}
