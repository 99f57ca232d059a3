"""What a person reads who is asked about a call list, in Markdown. What is of rows stands there as code, not markup.

Airflow shows its buttons below it: what matters comes first, in as few lines as it takes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aimylogic_provider.airflow_task.shown.answer_labels import go_ahead_options
from aimylogic_provider.call_list_task.questions.surroundings import Surroundings
from aimylogic_provider.calls_api.phones.countries import by_country

if TYPE_CHECKING:
    from aimylogic_provider.call_list.freeze.preview import MaskedCall, Preview
    from aimylogic_provider.call_list.runs.brakes import Usual
    from aimylogic_provider.call_list.runs.waiting_lists import WaitingList
    from aimylogic_provider.call_list.store.stored_call import CallRhythm
    from aimylogic_provider.call_list_task.questions.surroundings import CampaignTold, LatelyTold

__all__ = ["as_code", "calls_in_words", "held_question", "question"]

_REASONS_SHOWN = 4
_LINES_SHOWN = 5
_LISTS_SHOWN = 2
_FIELDS_SHOWN = 8
_LINES_FREE = 7
"""So many lines may stand above the sample; with more, fewer calls are shown, that the buttons stay in sight."""
_FEWEST_CALLS = 2
_LONGEST = 60
_ANSWERS = "**Approve** sends this list, just as it is. **Reject** calls nobody, and deletes the list."
_CALLS_AGAIN = (
    "**Called again, on purpose**: whom other runs called, or are about to call, is rung once more (`call_again`)"
)
_NOBODY_YET = {"paused": "nobody is rung until it is resumed", "planned": "nobody is rung before its time"}
_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def as_code(text: str, most: int = _LONGEST) -> str:
    """Return *text* as Markdown shows it letter by letter, in one line, of *most* characters at most."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    line = line if len(line) <= most else f"{line[: most - 1]}…"
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    return f"{fence} {line} {fence}"


def question(
    preview: Preview,
    address: str,
    introduction: str | None,
    now: float,
    around: Surroundings | None = None,
    answers: str = _ANSWERS,
) -> str:
    """Return the body of the question.

    :param address: of the list
    :param introduction: the DAG's own words, in Markdown
    :param now: by this worker's clock (Unix seconds)
    :param around: what is told beside the list
    :param answers: what each of them does, in Markdown
    """
    around = around or Surroundings()
    facts = [
        _calls(preview),
        *([_CALLS_AGAIN] if preview.calls_again else []),
        *([_calls_again(preview.calls_again_until)] if preview.calls_again_until is not None else []),
        *([_waiting(around.waiting, preview)] if around.waiting else []),
        *([_campaign(around.campaign)] if around.campaign else []),
        *([_hours(preview.rhythms)] if preview.rhythms else []),
        *([_finishes(*preview.finishes, now)] if preview.finishes is not None else []),
        *([_lately(around.lately)] if around.lately else []),
        *([f"**By country**: {by_country(preview.countries)}"] if preview.countries else []),
        *([_brakes(preview)] if preview.brakes is not None and answers == _ANSWERS else []),
        *_not_called(preview),
    ]
    lines = len(facts) + min(len(preview.bad_lines), _LINES_SHOWN + 1)
    sample = preview.sample[: max(_FEWEST_CALLS, len(preview.sample) - max(lines - _LINES_FREE, 0))]
    facts += [
        *([_bad_lines(preview)] if preview.bad_lines else []),
        *([_sample(preview, sample)] if sample else []),
        f"The list: {as_code(address, 1000)}",
    ]
    return "\n\n".join([*([introduction] if introduction else []), answers, "\n".join(f"- {fact}" for fact in facts)])


def held_question(
    preview: Preview, address: str, why: str, usual: Usual, now: float, around: Surroundings | None = None
) -> str:
    """Return the body of the question about a list with too many calls, or too few.

    :param why: it isn't sent without an answer, as a sentence without its stop
    :param usual: how many calls the task's last runs had
    """
    introduction = f"**A brake holds this list: {why}.** A query with a broken WHERE looks just like this."
    if usual.calls:
        introduction += f" The last runs, newest first: {', '.join(f'{calls:,}' for calls in usual.calls)}."
    return question(preview, address, introduction, now, around, _answers_to_held(preview.calls))


def _answers_to_held(calls: int) -> str:
    """What each answer does, by the words on its button."""
    send, leave = go_ahead_options(calls)
    return (
        f"**{send}** sends this list, just as it is; retries and clears of the task follow that. **{leave}**, the list "
        "is deleted, and the task skipped; a clear asks for the rows anew."
    )


def calls_in_words(count: int) -> str:
    """Return how many calls there are."""
    return "1 call" if count == 1 else f"{count:,} calls"


def _calls(preview: Preview) -> str:
    of = "line" if preview.is_pasted else "row"
    rows = f"1 {of}" if preview.rows == 1 else f"{preview.rows:,} {of}s"
    return f"**Calls**: {preview.calls:,} of {rows}, each added to the campaign once; {_rings(preview)}"


def _rings(preview: Preview) -> str:
    """How often telephones may ring, at most."""
    attempts = [(rhythm.attempts, count) for rhythm, count in preview.rhythms]
    if not attempts or any(most is None for most, _ in attempts):
        return "how often each is rung, the campaign says"
    known = sorted({most for most, _ in attempts if most is not None})
    looked_at = sum(count for _, count in attempts)
    if looked_at == preview.calls:
        rings = sum((most or 0) * count for most, count in attempts)
    else:
        rings = known[-1] * preview.calls
    each = f"{known[0]:,}" if len(known) == 1 else f"{known[0]:,} to {known[-1]:,}"
    return f"attempts at each: {each}, so **{rings:,}** rings at most"


def _calls_again(until: float) -> str:
    return (
        f"**Called again, on purpose**: whom other runs called until {_moment(until)} is rung once more "
        "(`call_again`). Whom they called later, as after a second click, isn't"
    )


def _waiting(lists: Sequence[WaitingList], preview: Preview) -> str:
    """With which lists that aren't sent yet, either, it shares people, and what a yes to both does."""
    told = [
        f"{one.shared:,} of these {preview.calls:,} calls are for people of the list of {_moment(one.made)} of run "
        f"{as_code(one.run_id, 100)}"
        for one in lists[:_LISTS_SHOWN]
    ]
    if others := len(lists) - len(told):
        told.append(f"{others:,} more lists share people with it, too")
    other = "that one" if len(lists) == 1 else "the first of these"
    does = (
        f"Whichever is sent first calls them: once {other} is sent, this list makes "
        f"{calls_in_words(preview.calls - lists[0].shared)}"
        if preview.spares_by_lists
        else "**A yes to both calls them twice**"
    )
    return f"**Not sent yet, either**: {'; '.join(told)}. {does}"


def _campaign(told: CampaignTold) -> str:
    by = f" ({as_code(told.conn_id)})" if told.conn_id else ""
    if told.why_not:
        return f"**Campaign**{by}: how it stands can't be told: {as_code(told.why_not, 200)}"
    more = f". **{why[:1].upper()}{why[1:]}**" if (why := _NOBODY_YET.get(told.status)) else ""
    return f"**Campaign**{by}: {as_code(told.name, 110)} {told.state}{more}"


def _hours(rhythms: Sequence[tuple[CallRhythm, int]]) -> str:
    """At which times of which days calls are dialled, by the clock of whoever is called."""
    words = [*dict.fromkeys(_hours_of(rhythm) for rhythm, _ in rhythms)]
    told = words[0] if len(words) == 1 else f"{len(words):,} kinds, most often {words[0]}"
    return f"**Hours**: {told}"


def _hours_of(rhythm: CallRhythm) -> str:
    if not rhythm.times and not rhythm.days:
        return "as the campaign says"
    days = [day for day in _WEEK if not rhythm.days or day in rhythm.days]
    spans: dict[str, list[str]] = {}
    for day in days:
        hours = rhythm.times.get(day, rhythm.times.get("default", ()))
        if rhythm.times and not hours:
            continue
        spans.setdefault(", ".join(f"{one.start}–{one.end}" for one in hours) or "any time", []).append(day)
    told = "; ".join(f"{_days(named)} {hours}" for hours, named in spans.items())
    return f"{told or 'none'}, by the clock of whoever is called"


def _days(days: Sequence[str]) -> str:
    """Days of the week in words: in a row from the first to the last, or each."""
    if len(days) == len(_WEEK):
        return "every day"
    first, last = _WEEK.index(days[0]), _WEEK.index(days[-1])
    return f"{days[0]}–{days[-1]}" if last - first + 1 == len(days) > 2 else ", ".join(days)


def _finishes(first: float, last: float, now: float) -> str:
    """Until when a yes is of use: what is sent later expires, and nobody of it is called."""
    when = f"**Answer before {_moment(first)}**"
    if first < last:
        when += f" to have all called; from {_moment(last)} on, nobody is"
    told = f"{when}: who is too late isn't added, and expires."
    if last < now:
        return f"{told} **That has passed**: a yes calls nobody of them."
    return f"{told} **The first has passed**: a yes calls not all of them." if first < now else told


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


def _lately(told: LatelyTold) -> str:
    head = f"**Called within the last {told.days} days**"
    if told.called is None:
        return f"{head}: can't be told ({told.why_not})"
    return f"{head}: {told.called:,} of {told.of:,} people looked up, by whichever DAG counts its calls there"


def _brakes(preview: Preview) -> str:
    """Whether there were any as the list was frozen, and how it stood to them."""
    from aimylogic_provider.call_list.runs.brakes import Brakes, Usual

    assert preview.brakes is not None
    brakes, usual = Brakes(preview.brakes.max_calls, preview.brakes.max_change), Usual(preview.brakes.usual)
    if not brakes.are_set:
        return "**Brakes**: none are set (`max_calls`, `max_change`)"
    told = brakes.told(preview.calls, usual).partition(": ")[2]
    if brakes.why_held(preview.calls, usual) is not None:
        return f"**Brakes**: one held the list, and a person said to go on: {told}"
    return f"**Brakes**: none holds it: {told}"


def _not_called(preview: Preview) -> list[str]:
    """Rows that are no calls, by why; and the commonest reasons of those that were rejected."""
    from aimylogic_provider.call_list.persons.lists_in_force import way_out

    by_lists = preview.capped_by.most_common()
    counts = {
        "rejected": 0 if preview.bad_lines else preview.rejected,  # told by lines
        "double of a call" if preview.doubles == 1 else "doubles of calls": preview.doubles,
        "held by unfinished lists of other runs, which are to call them": preview.claimed,
        "with phones that are called, or were called, as often as may be": preview.capped - preview.capped_by.total(),
        "on the exclusion list": preview.excluded,
        "held out, for measuring what calling does": preview.held_out,
    }
    told = [f"{count:,} {why}" for why, count in counts.items() if count]
    told += [f"{count:,} {as_code(why, 200)}" for why, count in by_lists[:_REASONS_SHOWN]]
    if others := sum(count for _, count in by_lists[_REASONS_SHOWN:]):
        told.append(f"{others:,} by other lists")
    again = f". {way_out(', '.join(preview.capped_by))}" if by_lists else ""
    reasons = f". {_rejected(preview)}" if preview.rejected and not preview.bad_lines else ""
    return [f"**Not called**: {'; '.join(told)}{again}{reasons}"] if told else []


def _rejected(preview: Preview) -> str:
    from aimylogic_provider.call_list.freeze.rejected.rejection_reasons import LONGEST

    shown = preview.reasons.most_common(_REASONS_SHOWN)
    told = [f"{count:,} × {as_code(reason, LONGEST)}" for reason, count in shown]
    if others := preview.reasons.total() - sum(count for _, count in shown):
        told.append(f"{others:,} × other reasons")
    return f"Why rejected (each row: `rejected.csv`): {'; '.join(told)}"


def _bad_lines(preview: Preview) -> str:
    """Each line of a pasted text that can't be called, and why; its phone masked."""
    from aimylogic_provider.call_list.freeze.rejected.rejection_reasons import LONGEST, kind_of

    shown = preview.bad_lines[:_LINES_SHOWN]
    rules = [reason.partition(": ")[0] if reason.startswith("phone ") else kind_of(reason) for _, reason in shown]
    lines = [f"line {line}: {as_code(rule, LONGEST)}" for (line, _), rule in zip(shown, rules, strict=True)]
    if more := preview.rejected - len(lines):
        lines.append(f"and {more:,} more")
    are = "1 bad line, which isn't" if preview.rejected == 1 else f"{preview.rejected:,} bad lines, which aren't"
    return _beneath(f"**{are} called**; the log of the task that read them says what to do:", lines)


def _sample(preview: Preview, sample: Sequence[MaskedCall]) -> str:
    of = "line" if preview.is_pasted else "row"
    lines = [f"{of} {call.row}: {as_code(call.phone)}{_payload(call)}" for call in sample]
    which = "The call" if preview.calls == 1 else f"{len(sample)} of the calls"
    return _beneath(f"**{which}**, masked: dates are whole, and of all else the first character", lines)


def _beneath(head: str, lines: Sequence[str]) -> str:
    return "\n".join([head, *(f"  - {line}" for line in lines)])


def _payload(call: MaskedCall) -> str:
    shown = [f"{as_code(name)} {as_code(value)}" for name, value in call.payload[:_FIELDS_SHOWN]]
    if more := len(call.payload) - len(shown):
        shown.append(f"and {more} more")
    return "".join(f", {one}" for one in shown)
