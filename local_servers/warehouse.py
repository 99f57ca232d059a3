"""The warehouse of the examples: an SQLite file; some of its customers can't be called, some debtors mustn't be."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

__all__ = ["BAD_PHONES", "add_debtors", "make_warehouse", "warehouse_phone"]

BAD_PHONES = ("", "none", "8 912", "+7 912 345", "79123456789012345")


def warehouse_phone(number: int) -> str:
    """The phone of the customer of that number, from 0."""
    return f"79{number + 150_000_000:09}"


def make_warehouse(path: Path, rows: int) -> str:
    """Make the file; return an Airflow connection to it, as JSON for ``AIRFLOW_CONN_…``.

    Of a hundred customers, one has a phone that can't be called.
    """
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(
            "create table customer(id integer primary key, phone text, gmt_zone text, name text, due text)"
        )
        database.executemany(
            "insert into customer values (?, ?, ?, ?, ?)",
            (
                (
                    number + 1,
                    BAD_PHONES[number // 100 % len(BAD_PHONES)] if number % 100 == 99 else warehouse_phone(number),
                    "Europe/Moscow" if number % 3 else None,
                    f"Customer {number + 1}",
                    "2026-12-01",
                )
                for number in range(rows)
            ),
        )
    return json.dumps({"conn_type": "sqlite", "host": str(path)})


def add_debtors(path: Path, rows: int) -> None:
    """Add the tables of ``collections_by_the_rules``: debtors, of whom some never agreed, and who said no."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(
            "create table debtor"
            "(id integer primary key, phone text, gmt_zone text, name text, owes real, agreed_on text)"
        )
        database.execute("create table said_no(phone text)")
        debtors = [
            (
                number + 1, warehouse_phone(100_000 + number), "Europe/Moscow", f"Debtor {number + 1}",
                0.0 if number % 10 == 9 else 100.0 + number, None if number % 20 == 19 else "2026-01-15",
            )
            for number in range(rows)
        ]  # fmt: skip
        database.executemany("insert into debtor values (?, ?, ?, ?, ?, ?)", debtors)
        database.executemany("insert into said_no values (?)", [(debtor[1],) for debtor in debtors[::25]])
