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

    data_dir: Path = Field(Path(".carpool"), description="folder of regions, secrets and the embedded PostgreSQL")
    database_url: Annotated[SecretStr, AfterValidator(_postgres_url)] | None = Field(
        None, description="PostgreSQL 15 or newer; without it an embedded one runs under the data folder"
    )
    database_direct_url: Annotated[SecretStr, AfterValidator(_postgres_url)] | None = Field(
        None,
        description="the same database past any transaction pooler, to hear of changes; default: CARPOOL_DATABASE_URL",
    )
    database_pool_min: int = Field(1, ge=0, le=1000, description="connections kept open")
    database_pool_max: int = Field(10, ge=2, le=1000, description="most connections of a process at once")
    database_timeout_s: float = Field(10.0, gt=0, le=600, description="a statement that takes longer is given up")
    database_transaction_pooler: bool = Field(
        False, description="true behind a transaction pooler such as PgBouncer: no prepared statements are kept"
    )
    changes_kept_s: float = Field(
        3600.0, ge=60, le=7 * 86_400, description="an instance that was away longer reads all offers again"
    )
    lag_limit_s: float = Field(
        30.0, ge=1, le=3600, description="not ready when the offers in memory are behind the database by more than this"
    )
    migrate_on_start: bool = Field(True, description="bring the schema up to date when the service starts")
    newer_schema_allowed: bool = Field(
        False, description="true starts on the schema of the next version: to go back by one after an upgrade"
    )

    @property
    def data_dir_is_default(self) -> bool:
        """Nobody has chosen the data folder, so the database may move elsewhere when it cannot live there."""
        return "data_dir" not in self.model_fields_set

    def embedded_below(self, folder: str) -> StorageSettings:
        """The same with the embedded database, in a subfolder; one that nobody has chosen is still counted as such."""
        values = self.model_dump() | {"data_dir": self.data_dir / folder, "database_url": None}
        return StorageSettings.model_construct(self.model_fields_set - {"database_url"}, **values)
