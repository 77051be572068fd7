"""How passwords are hashed: Argon2id with parameters that a small server can afford under attack."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class SmallArgon2PasswordHasher(Argon2PasswordHasher):
    """Argon2id with 19 MiB, two passes, one lane.

    Django's own 100 MiB per attempt would let a handful of simultaneous wrong passwords exhaust a container, and intake
    runs in the same process. Source: OWASP Password Storage Cheat Sheet, Argon2id.
    """

    time_cost = 2
    memory_cost = 19_456
    parallelism = 1
