"""The configs of journals: what is wrong with them is said at once, and nobody sees their passwords."""

import msgspec
import pytest

from rayconteur.errors import InvalidConfig
from rayconteur.runtime import JournalConfig, NoJournal, PostgresJournalConfig, RedisJournalConfig, SQLiteJournalConfig


@pytest.mark.parametrize(
    ("config", "shown"),
    [
        (
            PostgresJournalConfig("postgresql://me:s3cret@db:5432/app?password=s3cret", schema="talks"),
            "PostgresJournalConfig(url='postgresql://***@db:5432/app?***', schema='talks')",
        ),
        (RedisJournalConfig("rediss://:s3cret@cache/2"), "RedisJournalConfig(url='rediss://***@cache/2')"),
    ],
)
def test_a_config_shows_where_the_journal_is_and_no_password(config: JournalConfig, shown: str) -> None:
    assert repr(config) == shown
    assert "s3cret" not in str(config)


@pytest.mark.parametrize("url", ["", "db", "http://db", "host=db password=s3cret", 7])
def test_what_is_no_address_is_rejected_and_not_shown(url: str) -> None:
    for config in (PostgresJournalConfig, RedisJournalConfig):
        with pytest.raises(InvalidConfig, match="journal") as raised:
            config(url)
        assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize("password", ["se/s3cret", "12/s3cret", "se?s3cret", "se#s3cret", "se[s3cret"])
def test_a_password_that_is_not_percent_encoded_is_rejected_and_not_shown(password: str) -> None:
    """Else a part of it would be taken for the address, and be shown with that."""
    for config, scheme in ((PostgresJournalConfig, "postgresql"), (RedisJournalConfig, "redis")):
        with pytest.raises(InvalidConfig, match="percent-encoded") as raised:
            config(f"{scheme}://me:{password}@db/app")
        assert "s3cret" not in str(raised.value)


def test_no_journal_and_one_in_no_named_file_are_configs_like_others() -> None:
    text = b'[{"kind": "none"}, {"kind": "sqlite"}, {"kind": "sqlite", "path": "ravens.db"}]'

    decoded = msgspec.json.decode(text, type=list[JournalConfig])

    assert decoded == [NoJournal(), SQLiteJournalConfig(), SQLiteJournalConfig("ravens.db")]


@pytest.mark.parametrize("path", ["", ":memory:", "a\0b"])
def test_what_is_no_path_of_a_file_is_rejected(path: str) -> None:
    with pytest.raises(InvalidConfig, match=r"journal\.path"):
        SQLiteJournalConfig(path)
