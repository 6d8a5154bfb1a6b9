"""Settings of the database and the data folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from matcher.settings.base import Concern


def _postgres_url(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith(("postgresql://", "postgres://")):
        raise ValueError("must look like postgresql://user:password@host:5432/database")
    return value


class StorageSettings(Concern):
    """The database, and where files are kept."""

    data_dir: Path = Field(Path(".carpool"), description="folder for regions, secrets and the embedded PostgreSQL")
    database_url: Annotated[SecretStr, AfterValidator(_postgres_url)] | None = Field(
        None, description="PostgreSQL 15 or newer; without it an embedded one runs under the data folder"
    )
    database_direct_url: Annotated[SecretStr, AfterValidator(_postgres_url)] | None = Field(
        None,
        description="the same database past a transaction pooler, for LISTEN; default: CARPOOL_DATABASE_URL",
    )
    database_pool_min: int = Field(1, ge=0, le=1000, description="connections a process keeps open")
    database_pool_max: int = Field(10, ge=2, le=1000, description="maximum number of connections of a process")
    database_timeout_s: float = Field(10.0, gt=0, le=600, description="timeout of a statement")
    database_transaction_pooler: bool = Field(
        False, description="set to true behind a transaction pooler such as PgBouncer: turns prepared statements off"
    )
    changes_kept_s: float = Field(
        3600.0,
        ge=60,
        le=7 * 86_400,
        description="retention of the change feed; an instance that was disconnected for longer reloads all offers",
    )
    lag_limit_s: float = Field(
        30.0,
        ge=1,
        le=3600,
        description="/readyz answers 503 when the offers in memory lag behind the database by more than this",
    )
    migrate_on_start: bool = Field(True, description="apply migrations when the service starts")
    newer_schema_allowed: bool = Field(
        False, description="start even though the schema is one version newer; for rolling back an upgrade"
    )

    @property
    def data_dir_is_default(self) -> bool:
        """Nobody has chosen the data folder, so the database may move elsewhere when it cannot live there."""
        return "data_dir" not in self.model_fields_set

    def embedded_below(self, folder: str) -> StorageSettings:
        """The same with the embedded database, in a subfolder; one that nobody has chosen is still counted as such."""
        values = self.model_dump() | {"data_dir": self.data_dir / folder, "database_url": None}
        return StorageSettings.model_construct(self.model_fields_set - {"database_url"}, **values)
