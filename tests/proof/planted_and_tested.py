"""Bugs to be planted where the simulation doesn't reach: rules for lists, questions, pages. Tests, by name, find them.

Each breaks the promise to somebody: he is called though he mustn't be, or twice, or by nobody; or his no isn't heeded.
"""

from __future__ import annotations

from tests.proof.planted import Planted

__all__ = ["PLANTED_AND_TESTED"]

_BRAKES = "call_list_task/rules"
_BEFORE_THE_REST = "call_list_task/before_the_rest"
_OWN_PHONE = "call_list/send/own_phone.py"
_PERSONS = "call_list/persons/person_calls.py"
_WITHDRAWING = "call_list_task/open_jobs/withdrawing.py"
_DESELECTED = "call_list_task/open_jobs/deselected_jobs.py"
_ANSWERS = "airflow_task/shown/given_answers.py"
_APPROVAL = "operators/approve_call_list.py"
_PASTED = "call_list/pasted"
_MANY_ANSWERS = "pages/waiting"
_CANCEL = "pages/call_lists"


def _tested(name: str, plants: str, file: str, old: str, new: str, *tests: str) -> Planted:
    """One that tests find, by their ids beneath ``tests/``."""
    return Planted(name, plants, file, old, new, (), "operators", tests)


_OF_RULES = (
    _tested(
        "holdout: a second row is called",
        "Whoever is held out is called for his second row.",
        "call_list/exclusion/holdout.py",
        "        marks = bytearray(self.holds_out(str(phone)) for phone in phones())\n",
        "        seen = set[int]()\n"
        "        marks = bytearray(\n"
        "            phone not in seen and not seen.add(phone) and self.holds_out(str(phone)) for phone in phones()\n"
        "        )\n",
        "call_list/test_holdout.py::test_rows_of_one_phone_are_held_out_alike",
    ),
    _tested(
        "holdout: other people each time",
        "Who is held out hangs on the process, so that the next list calls him.",
        "call_list/exclusion/holdout.py",
        "begun_digest(_LABEL, salt)",
        "begun_digest(_LABEL, f'{salt} {id(self)}')",
        "call_list/test_holdout.py::test_it_stays_the_same_people_for_ever",
    ),
    _tested(
        "brake: a no is taken for an answer",
        "A list that a brake held is sent once a person has answered, whatever that was.",
        _BRAKES,
        "        if said is not None and said.go_on:\n",
        "        if said is not None:\n",
        "call_list/test_brakes.py::test_a_no_calls_nobody_and_a_clear_asks_the_query_anew",
    ),
    _tested(
        "brake: fewer than usual pass",
        "A query that lost most of its people is no change: those are called by nobody, and all is green.",
        "call_list/runs/brakes.py",
        "bounds[0] <= calls <= bounds[1]",
        "calls <= bounds[1]",
        "call_list/test_brakes.py::test_what_differs_too_much_from_what_was_usual_is_held",
    ),
    _tested(
        "brake: a history that can't be read is none",
        "If it can't be told what is usual, nothing is held.",
        _BRAKES,
        '            if self.max_change is None:\n                self.log.warning("What is usual',
        '            if True:\n                self.log.warning("What is usual',
        "call_list/test_brakes.py::test_a_history_that_cant_be_read_lets_nothing_pass",
    ),
    _tested(
        "test row: rings again",
        "A test call that wasn't answered is made once more by the next try.",
        _OWN_PHONE,
        "noted.call_list == list_id and not noted.refused else None",
        "noted.call_list == list_id and noted.job and not noted.refused else None",
        "call_list/test_test_row.py::test_unanswered_it_is_not_called_again",
    ),
    _tested(
        "test row: rings, then noted",
        "A worker that dies as it makes the test call leaves no note of it, and the next try rings again.",
        _OWN_PHONE,
        "        keeper.save_now()  # refused to a try that was replaced, whose successor has rung by now\n",
        "",
        "call_list/test_test_row.py::test_killed_right_after_it_left_it_is_not_called_again",
    ),
    _tested(
        "test row: a no sends the list",
        "A person says no after the test call, and all are called.",
        f"{_BEFORE_THE_REST}/own_phone.py",
        "        if not answer.go_on:\n",
        "        if False:\n",
        "call_list/test_test_row.py::test_a_person_says_no_and_nobody_is_called",
    ),
    _tested(
        "test row: its job is a call of the list",
        "Whoever's own phone stands on the list is taken for called by the test call.",
        "call_list/send/shard.py",
        "        return set() if trial is None or not trial.job else {trial.job}\n",
        "        return set()\n",
        "call_list/test_test_row.py::test_its_job_is_never_taken_for_a_call_of_the_list",
    ),
    _tested(
        "first calls: bad ones are followed by the rest",
        "Whatever became of the first calls, the rest is sent.",
        f"{_BEFORE_THE_REST}/first_calls.py",
        "        elif verdict.broken:\n",
        "        elif False:\n",
        "call_list/test_first_calls.py::test_bad_first_calls_have_a_person_asked_with_the_figures",
    ),
    _tested(
        "first calls: a no sends the rest",
        "A person says to leave the rest, and it is sent.",
        f"{_BEFORE_THE_REST}/first_calls.py",
        "        if not answer.go_on:\n",
        "        if False:\n",
        "call_list/test_first_calls.py::test_a_no_leaves_the_rest_and_is_no_green_task",
    ),
    _tested(
        "per person: a late send counts from its claim",
        "A batch that is sent a week after it was claimed counts for the week before: another list calls its people.",
        _PERSONS,
        "            self._claim_again(connection, again, now)\n",
        "",
        "call_list/test_person_calls.py::test_a_claim_that_is_sent_late_counts_from_then_on",
    ),
    _tested(
        "per person: an old claim holds its place",
        "A call that was claimed a week ago is made, though its person was called meanwhile.",
        _PERSONS,
        "if (why := _forbidden(self._caps_for(one), of_others, now)) is not None:",
        "if (why := None) is not None:",
        "call_list/test_person_calls.py::test_a_claim_that_is_too_old_gives_way_to_whoever_called_since",
    ),
    _tested(
        "per person: an unknown key begins anew",
        "Once Airflow's key was rotated nobody counts as called, and all are called again.",
        _PERSONS,
        "        if stored not in known:\n",
        "        if stored not in known:\n            return keys[0]\n        if False:\n",
        "call_list/test_person_calls.py::test_a_key_that_is_unknown_stops_all_with_the_ways_out",
    ),
)

_OF_WITHDRAWAL = (
    _tested(
        "withdrawal: another task's query",
        "A query that knows the people of one of two tasks has the calls of the other one's cancelled.",
        _DESELECTED,
        "            self._check_each_task(spool)\n",
        "            pass\n",
        "operators/test_withdraw_calls.py::test_a_query_that_knows_nobody_of_one_of_two_tasks_cancels_nothing",
    ),
    _tested(
        "withdrawal: none of ours is selected",
        "A query by another key selects none of those who are called, and all their calls are cancelled.",
        _DESELECTED,
        "        if jobs.deselected and not jobs.still_selected and not allow_empty and not self._knows_any(spool):\n",
        "        if False:\n",
        "operators/test_withdraw_calls.py::test_a_wrong_key_column_cancels_nothing",
    ),
    _tested(
        "withdrawal: rows that mean nobody",
        "Rows of the query without a key keep nobody's call, and nothing is said.",
        _DESELECTED,
        "        if query.nobody:\n",
        "        if False:\n",
        "operators/test_withdraw_calls.py::test_rows_that_mean_nobody_cancel_nothing",
    ),
    _tested(
        "withdrawal: the query before the jobs",
        "Whoever is added while the query runs counts as not selected, and his call is cancelled.",
        _DESELECTED,
        "        query.read(spool, self._log, self._starts)\n",
        "        query.read(spool, self._log, self._starts)\n        self.read(spool, 600.0)\n",
        "operators/test_withdraw_calls.py::test_whoever_is_added_while_the_query_runs_is_not_withdrawn",
    ),
    _tested(
        "withdrawal: whoever can't be told",
        "A call of which nothing tells whose it is, is cancelled.",
        "call_list_task/open_jobs",
        "from line where key is null or key in (select key from asked)",
        "from line where key in (select key from asked)",
        "operators/test_withdraw_calls.py::test_a_call_that_has_no_key_is_kept",
    ),
    _tested(
        "withdrawal: a yes to any number",
        "A person's yes to some calls has all cancelled that the query doesn't select by then.",
        "call_list_task/open_jobs/withdrawal_limit.py",
        "not notes.yes.is_old and total <= notes.yes.most)",
        "not notes.yes.is_old)",
        "operators/test_withdraw_calls.py::test_a_person_may_say_yes_to_more",
    ),
    _tested(
        "withdrawal: who was rung is told as withdrawn",
        "Somebody was talked to, and the table tells that he was not.",
        _WITHDRAWING,
        "            elif id in rang or (job",
        "            elif (job",
        "operators/test_withdraw_calls.py::test_a_job_that_rings_now_is_ended_and_was_too_late",
    ),
)

_OF_QUESTIONS = (
    _tested(
        "approval: a yes to what nobody saw",
        "Airflow keeps the question about an earlier list, and the answer to it sends another one.",
        _APPROVAL,
        "            if not kept.endswith(_reference(pointer)):\n",
        "            if False:\n",
        "call_list/test_approval.py::test_an_answer_is_never_taken_for_a_list_that_nobody_saw",
    ),
    _tested(
        "approval: the list of now is sent",
        "A yes to a list sends the one that was frozen since.",
        _APPROVAL,
        "        pointer = Pointer.of(call_list)\n        answer = super()",
        "        pointer = Pointer.of(self.call_list)\n        answer = super()",
        "call_list/test_approval.py::test_what_was_approved_is_sent_though_another_list_was_frozen_meanwhile",
    ),
    _tested(
        "approval: a no that isn't noted",
        "If the list can't be deleted after a no, the next try asks anew, or sends it.",
        _APPROVAL,
        '        entry_store(context).write({_SAID_NO_TO: pointer.sha256, "by": by})\n',
        "",
        "call_list/test_approval.py::test_a_no_is_not_asked_for_again_if_the_list_could_not_be_deleted",
    ),
    _tested(
        "a yes to fewer calls",
        "A person said yes to some calls, and more are made.",
        _ANSWERS,
        "chosen.calls is not None and chosen.calls < calls:",
        "False:",
        "call_list/test_brakes.py::test_a_yes_to_fewer_calls_than_would_be_sent_sends_none",
    ),
    _tested(
        "adopt: a job that was not offered",
        "An answer names a job that the question didn't, and the call is taken for created by it.",
        _ANSWERS,
        "        if chosen not in choices and job not in self.question.candidates:\n",
        "        if chosen not in choices and job is None:\n",
        "operators/test_required_action.py::test_an_option_that_was_not_offered_is_not_followed",
    ),
    _tested(
        "many answers: who has a job is sent, too",
        "“Send those without a job” sends those that have one: they are called twice.",
        _MANY_ANSWERS,
        "        return None if question.candidates else GivenAnswer(question, SEND_AGAIN)\n",
        "        return GivenAnswer(question, SEND_AGAIN)\n",
        "pages/test_waiting.py::test_three_ways_with_numbers",
    ),
    _tested(
        "many answers: one job for two calls",
        "Two calls take the same job for theirs, and one person is called by nobody.",
        _MANY_ANSWERS,
        "    own = [one for one in answers if one.job not in shared]\n",
        "    own = answers\n",
        "pages/test_waiting.py::test_a_job_that_two_calls_name_is_adopted_by_neither_at_once",
    ),
    _tested(
        "many answers: the first of several jobs",
        "Of several jobs that could be a call's, the first one is taken.",
        _MANY_ANSWERS,
        " if len(named) == 1 else None\n",
        " if named else None\n",
        "pages/test_waiting.py::test_three_ways_with_numbers",
    ),
    _tested(
        "many answers: whatever is asked by now",
        "An answer is given though the task asks something else by then.",
        _MANY_ANSWERS,
        "        known = {(one.id, one.mark): one for one in now}\n"
        "        picked = [known[key] for key in chosen if key in known]\n",
        "        known = {one.id: one for one in now}\n"
        "        picked = [known[id] for id, _ in chosen if id in known]\n",
        "pages/test_waiting.py::test_a_question_that_changed_meanwhile_is_not_answered",
    ),
)

_OF_PASTED = (
    _tested(
        "pasted: a stray quote swallows lines",
        "People between two stray quotes are part of one cell, and nobody calls them.",
        _PASTED,
        "return more if parsed is not None and people <= 1 else 1",
        "return more if parsed is not None else 1",
        "call_list/test_pasted_text.py::test_a_stray_quote_swallows_nobody",
    ),
    _tested(
        "pasted: the first person is the header",
        "Somebody who stands on the first line gives the columns their names, and is called by nobody.",
        _PASTED,
        "    if any(map(may_hold_a_phone, cells)):\n        return None\n",
        "",
        "call_list/test_pasted_text.py::test_no_person_is_taken_for_a_header",
    ),
    _tested(
        "pasted: the phone's column is guessed",
        "Of several columns that may be the phone's, the first is called.",
        _PASTED,
        "    if len(found) == 1 and some == found:\n",
        "    if found:\n",
        "call_list/test_pasted_text.py::test_what_is_not_clear_is_told",
    ),
    _tested(
        "pasted: a line of too many cells is called",
        "A line whose cells don't fit the columns is called with others' values.",
        _PASTED,
        "            if call.fault:\n",
        "            if False:\n",
        "call_list/test_approval.py::test_bad_lines_of_a_pasted_list_stand_in_the_question_and_the_good_ones_are_sent",
    ),
)

_OF_CANCEL = (
    _tested(
        "cancel: while the list is sent",
        "A list's calls are cancelled, and its task adds the rest after that.",
        _CANCEL,
        "    if busy:\n        return _still_sent(busy)\n",
        "",
        "pages/test_call_list_cancel.py::test_a_list_that_is_about_to_be_sent_is_not_told_to_be_cancelled",
    ),
    _tested(
        "cancel: a task of a class of one's own",
        "The same, of a task whose class isn't known.",
        _CANCEL,
        "        raise HTTPException(409, _still_sent(busy))\n",
        "        pass\n",
        "pages/test_call_list_cancel.py::test_a_task_of_a_class_of_ones_own_that_still_sends_keeps_its_list_too",
    ),
    _tested(
        "cancel: in another campaign",
        "The ids of a list's jobs are cancelled in whichever campaign the connection names by now: others' calls.",
        _CANCEL,
        "            await check_sent_there(client, {**sent_to, **found.shown.campaigns})\n",
        "",
        "pages/test_call_list_cancel.py::test_another_campaign_is_never_asked_to_cancel",
    ),
    _tested(
        "cancel: goes on past what failed",
        "A slice that the campaign didn't take counts as gone through: its calls are made.",
        _CANCEL,
        "            return  # the next slice begins with these\n",
        "            so_far.at += len(some)\n            return\n",
        "pages/test_call_list_cancel.py::test_what_failed_amid_a_slice_is_done_by_the_next_one",
    ),
)

_OF_SLICES = (
    _tested(
        "cancel: slices overlap",
        "A slice that begins amid a batch begins with that batch, and the last calls are never cancelled.",
        "pages/call_lists/cancelling.py",
        "islice(jobs, max(at - skipped, 0), None)",
        "jobs",
        "pages/test_call_list_cancel.py::test_a_slice_that_begins_amid_a_batch_leaves_nobody_out",
    ),
)

_OF_LISTS_OF_A_TASK = (
    _tested(
        "only new: progress that no entry names",
        "Whom a try took for capped, and died before it noted that, the next one calls; and another run's list, too.",
        "call_list/runs/called_by_lists.py",
        '    return {one.row: one for one in told if one.outcome in ("created", "refused")}\n',
        "    return {one.row: one for one in told}\n",
        "call_list/test_only_new_by_lists.py::test_progress_that_no_entry_names_lets_nobody_go",
    ),
    _tested(
        "only new: claimed long ago is gone by",
        "Whom a list called lately is called again, for its task began to send it beyond the time.",
        "call_list/runs/called_by_lists.py",
        "max([claimed, *_sent(found.names).values()]) < since",
        "claimed < since",
        "call_list/test_only_new_by_lists.py::test_what_a_list_that_was_claimed_long_ago_sent_lately_counts",
    ),
)

_OF_ACCESS = (
    _tested(
        "access: any bearer is a proof",
        "On Airflow 3.1 and 3.2, another site's page answers questions in the name of whoever opens it.",
        "pages/access.py",
        "if bears_token and COOKIE_NAME_JWT_TOKEN not in request.cookies:",
        "if bears_token:",
        "pages/test_odd_requests.py::test_a_bearer_beside_the_cookie_is_no_proof_of_being_meant",
    ),
    _tested(
        "access: a page stands open for ever",
        "What a page bore once changes something at any time, though nobody sits before it any more.",
        "pages/csrf.py",
        ", max_age=_HOURS * 3600)",
        ")",
        "pages/test_access.py::test_a_page_that_stood_open_since_yesterday_changes_nothing",
    ),
)

_THREE_AT_ONCE = (
    "operators/test_only_new.py::test_of_three_runs_at_once_one_calls_at_most_and_whoever_comes_later_knows"
)

_OF_ONE_CALL = (
    _tested(
        "two clicks, one call: no row of the one that calls",
        "Two who gave way overwrote whoever calls, and take back what they wrote: the next run calls once more.",
        "idempotence/record/latest_call.py",
        "                self._rows.set(self._third, asdict(mine))\n",
        "",
        _THREE_AT_ONCE,
    ),
    _tested(
        "two clicks, one call: a look that took too long",
        "A try that stood still before its look calls beside another one, whose rival took back what it had seen.",
        "idempotence/record/latest_call.py",
        "        return began.elapsed(self._clock)[1] > _QUICK\n",
        "        return False\n",
        _THREE_AT_ONCE,
    ),
    _tested(
        "two clicks, one call: a refusal frees whom the run before called",
        "A run with the box is refused, and takes back the mark of the call that it was to repeat, too.",
        "idempotence/record/latest_call.py",
        "            else time.earliest - mark.at < self._only_new.within  # it was lifted, and holds for others\n",
        "            else False\n",
        "operators/test_only_new.py"
        "::test_a_refusal_of_a_run_that_was_to_call_again_frees_nobody_whom_the_run_before_called",
    ),
    _tested(
        "two clicks, one call: a later try's mark given back",
        "A try that stood still frees a person whom its own successor called: the next run calls once more.",
        "idempotence/record/latest_call.py",
        "mine and mark.try_number <= self._try_number and not",
        "mine and not",
        "operators/test_only_new.py::test_what_a_try_gives_back_is_not_what_a_later_one_wrote",
    ),
    _tested(
        "two clicks, one call: a refused index frees another one's",
        "Of a mapped task's two calls to a person one is refused: other runs call the person once more.",
        "idempotence/record/latest_call.py",
        "self._try_number and not mark.shared:",
        "self._try_number:",
        "operators/test_only_new.py::test_a_refusal_of_one_map_index_frees_nobody_whom_another_one_called",
    ),
    _tested(
        "two clicks, one call: an unticked box calls again",
        "A template makes False of a box that isn't ticked, which is a text like any other: it calls again.",
        "call_task/latest_call.py",
        "        if says_yes(intent.call_again):\n",
        "        if intent.call_again.strip():\n",
        "operators/test_only_new.py::test_a_box_that_is_not_ticked_calls_nobody_again",
    ),
    _tested(
        "two clicks, one call: text that says neither yes nor no calls again",
        "Whatever stands in a form's field besides a no, as the reason why, is taken for a yes.",
        "call_task/latest_call.py",
        "        if says_yes(intent.call_again):\n",
        "        if intent.call_again.strip().lower() not in ('', 'false', 'no', 'none', '0'):\n",
        "operators/test_only_new.py::test_text_that_says_neither_yes_nor_no_lifts_nothing_and_the_error_says_so",
    ),
)

_OF_CLICKS = (
    _tested(
        "called again: by whichever clock lifts more",
        "A server whose clock is behind the workers' tells that a click was long after the calls of another click.",
        "call_list/store/caps.py",
        "min(self.triggered, self.triggered + now - here, now)",
        "min(self.triggered, now)",
        "call_list/test_called_again.py::test_by_whichever_clock_it_lifts_less",
    ),
    _tested(
        "left to another list: green all the same",
        "A task that left all its people to a list that calls nobody of them ends well: nobody is told of them.",
        "call_list/send/nobody_reached.py",
        "    _check_not_held(call_list, look)\n",
        "",
        "call_list/test_spared_at_sending.py::test_whom_another_list_held_and_never_called_is_told_as_a_failure",
    ),
    _tested(
        "two senders: each leaves people to the other",
        "Two tasks send lists of one task at once, and whoever is on both is called by neither.",
        "call_list/runs/called_by_lists.py",
        "        if held - called:\n",
        "        if held - held:\n",
        "call_list/test_two_senders.py::test_two_at_once_leave_nobody_to_each_other",
    ),
)

PLANTED_AND_TESTED = (
    *_OF_CLICKS,
    *_OF_ONE_CALL,
    *_OF_RULES,
    *_OF_WITHDRAWAL,
    *_OF_QUESTIONS,
    *_OF_PASTED,
    *_OF_CANCEL,
    *_OF_SLICES,
    *_OF_LISTS_OF_A_TASK,
    *_OF_ACCESS,
)
