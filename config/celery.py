"""The Celery application; its settings are the CELERY_* ones of config/settings.py."""

import os
import sys
from typing import Any

from celery import Celery
from celery.signals import celeryd_init, task_postrun, worker_process_init
from django.db import close_old_connections
from kombu.transport import TRANSPORT_ALIASES

from assistants.memory import spare_garbage_collection
from config.lifetime import end_with

# A wake-up may be lost, a request may not wait: whoever publishes gives up on a silent broker after a quarter second.
REDIS_PUBLISHING = {"socket_timeout": 0.25, "socket_connect_timeout": 0.25, "max_retries": 0}
# A worker has nothing else to do than to wait for the broker, but must notice a connection that died in silence.
REDIS_CONSUMING = {
    "visibility_timeout": 300,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 10,
}
# A turn composes in one thread while another one waits for the database again and again; by default it would wait ten
# times as long for the interpreter after each answer.
SWITCH_SECONDS = 0.0005
# The web process, the worker and the sweep write to one file: wait for each other instead of failing.
SQLITE = {"connect_args": {"timeout": 20}}

TRANSPORT_ALIASES["sqla"] = "config.broker:EmbeddedTransport"
TRANSPORT_ALIASES["redis"] = TRANSPORT_ALIASES["rediss"] = "config.broker:RedisTransport"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
app = Celery("sluice")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# Celery would end Django's pool around every task: a new connection for each costs more than what most tasks do.
app.conf["CELERY_DB_REUSE_MAX"] = sys.maxsize


def transport_options(broker_url: str, *, consuming: bool) -> dict[str, Any]:
    """Choose what the broker's client is told; each kind of broker knows its own options only."""
    if broker_url.startswith("sqla"):
        return SQLITE
    if not broker_url.startswith("redis"):
        return {}
    return REDIS_CONSUMING if consuming else REDIS_PUBLISHING


@app.on_after_configure.connect
def use_publishing_options(sender: Celery, **kwargs: Any) -> None:
    sender.conf.broker_transport_options = transport_options(sender.conf.broker_url, consuming=False)


@task_postrun.connect
def give_back_connection(**kwargs: Any) -> None:
    """Return the database connection to the pool, which looks after those that broke."""
    close_old_connections()


@celeryd_init.connect
def prepare_worker(conf: Any, **kwargs: Any) -> None:
    conf.broker_transport_options = transport_options(conf.broker_url, consuming=True)
    worker = os.getpid()

    def prepare_child(**kwargs: Any) -> None:
        end_with(worker)
        spare_garbage_collection()
        sys.setswitchinterval(SWITCH_SECONDS)

    worker_process_init.connect(prepare_child, weak=False)
