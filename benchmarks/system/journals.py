"""The PostgreSQL server that benchmarks may use."""

import os

from rayconteur.runtime import PostgresJournalConfig

_URL = "RAYCONTEUR_BENCH_POSTGRES"


def postgres_config(schema: str) -> PostgresJournalConfig | None:
    """A journal in *schema* of the database that ``RAYCONTEUR_BENCH_POSTGRES`` names; without it, none."""
    url = os.environ.get(_URL)
    return PostgresJournalConfig(url, schema) if url else None
