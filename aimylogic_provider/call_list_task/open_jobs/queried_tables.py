"""Which tables a query looks into, as far as its own text tells. What views and functions look into, it doesn't.

Read by its words, for no database is asked: comments and texts are passed over, and quoted names are names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from aimylogic_provider.call_list.tables.claim_tables import CLAIMS, LISTS
from aimylogic_provider.calls_api.errors import RejectedError

__all__ = ["check_not_queried", "tables_of"]

_TOKENS = re.compile(
    r"""
      (?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))
    | (?P<text>'(?:''|[^'])*(?:'|\Z)|\$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z))
    | (?P<quoted>"(?:""|[^"])*"|`(?:``|[^`])*`|\[[^\[\]']*\])
    | (?P<word>[^\W\d][\w$\#@]*)
    | (?P<sign>[^\s\w])
    """,
    re.DOTALL | re.VERBOSE,
)
_BEGIN = frozenset({"from", "join", "into", "update", "table", "straight_join", "apply"})
"""Words behind which a table stands."""
_BETWEEN = frozenset({"only", "lateral", "outer", "overwrite"})
"""Words that may stand between those and it."""
_END = frozenset({
    "where", "group", "order", "having", "limit", "union", "except", "intersect", "minus", "select", "set", "window",
    "offset", "fetch", "returning", "qualify", "for", "values", "with",
})  # fmt: skip
"""Words behind which no table stands any more."""

_TABLES, _CONDITION, _ELSEWHERE = "tables", "on", "elsewhere"
"""Where a word may stand: where tables are listed, behind the ON of one, behind whose comma others follow, or not."""

_EXAMPLE = "select id from debts where not paid"

Name = tuple[str, ...]


class _Token(NamedTuple):
    text: str
    is_name: bool
    is_quoted: bool = False


def tables_of(sql: str) -> set[Name]:
    """The tables that a query names, each by the parts of its name, folded.

    A name that is a part of the query's own (``with name as …``) is among them, too.
    """
    found: set[Name] = set()
    within = [_ELSEWHERE]  # of each parenthesis that is open
    before = ""
    for token, parts in _names(sql):
        place, word = within[-1], "" if token.is_quoted or len(parts) > 1 else token.text
        if parts and ((place == _TABLES and before in (*_BEGIN, ",", "(")) or (place == _CONDITION and before == ",")):
            found.add(parts)
            within[-1] = _TABLES
        if word == "(":
            within.append(_TABLES if place == _TABLES and before in (*_BEGIN, ",", "(") else _ELSEWHERE)
        elif word == ")":
            within = within[:-1] or [_ELSEWHERE]
        elif word == ";":
            within = [_ELSEWHERE]
        elif word == "on":
            within[-1] = _CONDITION if place == _TABLES else place
        elif word in _BEGIN and not (word == "from" and before == "distinct"):
            within[-1] = _TABLES
        elif word in _END:
            within[-1] = _ELSEWHERE
        if word not in _BETWEEN:
            before = word if word in (*_BEGIN, "distinct", ",", "(") else "another"
    return found


def check_not_queried(sql: str, results_tables: Iterable[str]) -> None:
    """Check that a query doesn't look to where those stand who were called.

    :param results_tables: their names, after their schemas and dots where they have them
    :raises RejectedError: if it does
    """
    known = [tuple(one.casefold().split(".")) for one in results_tables]
    for found in sorted(tables_of(sql)):
        shown = ".".join(found)
        if found[-1] in (LISTS, CLAIMS):
            raise RejectedError(_told(f"the table {shown!r}, by which runs are kept apart"))
        if any(_may_be_one(found, one) for one in known):
            raise RejectedError(_told(f"the results table, {shown!r}"))


def _may_be_one(found: Name, other: Name) -> bool:
    """Whether two names may be one table's: what only one of them says isn't compared."""
    return all(mine == theirs for mine, theirs in zip(reversed(found), reversed(other), strict=False))


def _told(what: str) -> str:
    return (
        f"the query looks into {what}, where everybody stands who was called. A query that leaves out whom it finds "
        "there, as the one that chooses whom to call does, selects nobody who is called, and all their calls would be "
        "cancelled. Nothing is cancelled. Give a query that tells by tables of your own who is still to be called, as "
        f"in {_EXAMPLE}. If that is another table of the same name, give its schema, in the "
        "query and in results_table; and if it is a name of the query's own (with … as), another one"
    )


def _names(sql: str) -> Iterator[tuple[_Token, Name]]:
    """The words and signs of a query; and behind the first word of each name, all parts of it."""
    tokens = [*_tokens(sql), _Token("", False)]
    place = 0
    while place < len(tokens) - 1:
        token, parts = tokens[place], list[str]()
        if token.is_name:
            parts = [token.text]
            while tokens[place + 1].text == "." and place + 2 < len(tokens) and tokens[place + 2].is_name:
                parts.append(tokens[place + 2].text)
                place += 2
            if [one.text for one in tokens[place + 1 : place + 3]] == [".", "."] and tokens[place + 3].is_name:
                place += 3  # database..table, without the schema
                parts = [tokens[place].text]
        yield token, tuple(parts)
        place += 1


def _tokens(sql: str) -> Iterator[_Token]:
    for found in _TOKENS.finditer(sql):
        match found.lastgroup:
            case "quoted":
                quote = found[0][0]
                yield _Token(found[0][1:-1].replace(quote * 2, quote).strip().casefold(), True, True)
            case "word":
                yield _Token(found[0].casefold(), True)
            case "sign":
                yield _Token(found[0], False)
            case "text":
                yield _Token("'", False)
