"""A pasted list is read line by line: nobody is dropped in silence, and what isn't clear is told with the way out."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimylogic_provider.call_list.pasted.pasted_text import MOST_LINES, PastedLine, calls_of_text, read_pasted
from aimylogic_provider.calls_api.errors import RejectedError

A, B = "+79123456789", "+1 202 555 0123"


def read(text: str, columns: tuple[str, ...] = ()) -> list[tuple[int, str, dict[str, str]]]:
    lines = read_pasted(text, columns).lines
    assert not [line.fault for line in lines if line.fault]
    return [(line.number, line.phone, line.payload) for line in lines]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{A}\n{B}", [(1, A, {}), (2, B, {})]),
        (f"\ufeffphone\r\n{A}\r\n\r\n{B}\r\n", [(2, A, {}), (4, B, {})]),
        (f"{A}\r{B}", [(1, A, {}), (2, B, {})]),
        (f"sep=;\nName;Phone\nAlex;{A}", [(3, A, {"Name": "Alex"})]),
        (f'"sep=,"\nphone,name\n{A},"Petrov, Ivan"', [(3, A, {"name": "Petrov, Ivan"})]),
        (f"Номер телефона\tИмя\n{A}\tАнна", [(2, A, {"Имя": "Анна"})]),
        (f"Имя;Кому звонить\nАнна;{A}", [(2, A, {"Имя": "Анна"})]),
        (f"id,name\n1,{A}\n2,{B}", [(2, A, {"id": "1"}), (3, B, {"id": "2"})]),
        (f"{A};Alex\n{B};Maria", [(1, A, {"column_2": "Alex"}), (2, B, {"column_2": "Maria"})]),
        (f"phone;name;;\n{A};Alex;;\n;;;\n", [(2, A, {"name": "Alex"})]),
        (f"phone;name\n{A}\n{B};", [(2, A, {}), (3, B, {})]),
        (f'phone;note\n{A};"two\nlines"\n{B};x', [(2, A, {"note": "two\nlines"}), (4, B, {"note": "x"})]),
        (f"phone;name\n7.91E+10;Alex\n{A};x", [(2, "7.91E+10", {"name": "Alex"}), (3, A, {"name": "x"})]),
        (f"phone;name\n{A};<script>**x**", [(2, A, {"name": "<script>**x**"})]),
        (f"phone;due\n{A};2026-12-01\n{B};2026-12-02", [(2, A, {"due": "2026-12-01"}), (3, B, {"due": "2026-12-02"})]),
        (f"8 912\n{A}", [(1, "8 912", {}), (2, A, {})]),
        # As spreadsheets, word processors and address books write numbers.
        ("8,91234E+10\n8,91235E+10", [(1, "8,91234E+10", {}), (2, "8,91235E+10", {})]),
        (
            "+7\u00a0912\u00a0345\u201167\u201189\tAnna",
            [(1, "+7\u00a0912\u00a0345\u201167\u201189", {"column_2": "Anna"})],
        ),
        (f"\u202a{A}\u202c;Anna", [(1, f"\u202a{A}\u202c", {"column_2": "Anna"})]),
        (f"phone;second\n{A};{B}\n{B};{A}", [(2, A, {"second": B}), (3, B, {"second": A})]),
    ],
)
def test_what_stands_on_each_line(text: str, expected: list[Any]) -> None:
    assert read(text) == expected


def test_a_stray_quote_swallows_nobody() -> None:
    text = f'phone;name\n{A};"Alex\n{B};Maria"\n+79123456780;Boris'
    assert [line[1] for line in read(text)] == [A, B, "+79123456780"]


def test_no_person_is_taken_for_a_header() -> None:
    columns = ("phone", "name")
    first = "8 (912) 345-67-89 доб. 5"
    assert read(f"{first};мобильный\n{B};Maria", columns)[0] == (1, first, {"name": "мобильный"})
    assert read(f"нет;Alex\n{B};Maria", columns)[0] == (1, "нет", {"name": "Alex"}), "told as a line that is no phone"
    assert read(f"Моб.;ФИО;Город\n{B};Maria;Perm", columns) == [(2, B, {"ФИО": "Maria", "Город": "Perm"})]
    assert read(f"phone;name\n{B};Maria", columns) == [(2, B, {"name": "Maria"})]
    assert read(f"Контактный телефон;ФИО\n{B};Maria", columns) == [(2, B, {"ФИО": "Maria"})]


def test_columns_are_named_for_a_list_without_a_header() -> None:
    assert read(f"{A},Alex\n{B},Maria", ("phone", "name")) == [(1, A, {"name": "Alex"}), (2, B, {"name": "Maria"})]


@pytest.mark.parametrize(
    ("text", "columns", "why"),
    [
        ("", (), "the list is empty"),
        (" \n;;\n", (), "the list is empty"),
        ("phone;name\n", (), "has a header and no line below it"),
        (
            f"{A},{B}\n{B},{A}",
            (),
            "it isn't clear which column is the phone's.* columns 1, 2.* Put a header above",
        ),
        ("Alex;Perm\nMaria;Perm\nx;1", (), "no column holds what looks like phones"),
        (f"phone;mobile\n{A};{B}", (), "'phone' and 'mobile' may both be the phone's"),
        (f"number;contact person\n79123456780;{A}\n79123456781;{B}", (), "'number' is taken for the phone's, but"),
        (f"Alex;{A}\nMaria;{B}", ("phone", "name"), "'phone' is taken for the phone's, but .* column 'name'"),
        (f"{A};x", ("name", "city"), "none of the columns name, city is the phone's"),
        (f"phone;name;Name\n{A};x;y", (), "two columns are called 'name'"),
        (f"phone;\n{A};x", (), "column 2 holds something and has no name"),
        (f"Customers;;\nphone;name;city\n{A};x;y", (), "line 2 looks like the header, and something stands above"),
        (5, (), "is of type int"),
        (f"Телефон 1;Телефон 2\n{A};{B}", ("phone", "name"), "'Телефон 1' and 'Телефон 2' may both be the phone's"),
        (f"{A}, {B}", ("phone", "name"), "more than one number stands on 1 of 1 lines: paste a line for each number"),
        (f"150000000;{A}\n170000000;{B}", ("phone", "name"), "more than one number stands on 2 of 2 lines"),
        # Tax numbers look like phones: whoever has one is somebody else.
        ("моб. 8 912 345-67-89;7707083893\nмоб. 8 912 345-67-80;7707083894", (), "isn't clear .* columns 1, 2"),
        ("8 912 345-67-89 доб. 5;7707083893\n8 912 345-67-80 доб. 6;7707083894", (), "isn't clear .* columns 1, 2"),
        ("номер;моб.\n7707083893;моб. 8 912 345-67-89", (), "'номер' is taken for the phone's, but .* 'моб.'"),
        (f"{A};x\n" * 300 + f"7707083893;{B}", (), "it isn't clear which column"),
        (
            f"phone;inn\n{A};x\n" + f"{B};x\n" * 9 + f"inn;phone\n7707083893;{A}",
            (),
            "line 12 looks like another header",
        ),
    ],
)
def test_what_is_not_clear_is_told(text: Any, columns: tuple[str, ...], why: str) -> None:
    with pytest.raises(RejectedError, match=why):
        read_pasted(text, columns)


@pytest.mark.parametrize("header", ["", "phone\n"])
def test_too_many_lines_are_refused_with_their_number(header: str) -> None:
    assert len(read_pasted(header + f"{A}\n" * MOST_LINES).lines) == MOST_LINES
    with pytest.raises(RejectedError, match=r"5,00[12] lines, and at most 5,000 .*Paste it in parts"):
        read_pasted(header + f"{A}\n" * (MOST_LINES + 1))


def test_a_line_with_too_many_cells_is_one_of_a_fault() -> None:
    (bad, good) = read_pasted(f"phone,name\n{A},Petrov, Ivan\n{B},Maria").lines
    assert (bad.number, bad.payload, good.fault) == (2, {}, "")
    assert bad.fault.startswith("3 cells, and there are 2 columns: put a cell that holds the separator in quotes")
    with pytest.raises(RejectedError, match="nobody is called: line 2 has 3 cells"):
        calls_of_text(f"phone,name\n{A},Petrov, Ivan")
    assert calls_of_text(f"phone,name\n{A},Ivan") == [{"phone": A, "payload": {"name": "Ivan"}, "key": 2}]


@pytest.mark.parametrize("second", [B, "89123456780", "+7\u00a0912\u00a0345\u00a067\u00a080"])
def test_a_second_number_on_a_line_is_no_name(second: str) -> None:
    lines = read_pasted(f"{A}, {second}\n{A}, Maria\n{B}, 4000123456", ("phone", "name")).lines
    assert [line.payload for line in lines] == [{}, {"name": "Maria"}, {"name": "4000123456"}]
    assert [bool(line.fault) for line in lines] == [True, False, False]
    assert lines[0].fault.startswith("another number, in column 'name', that would not be called")
    assert read_pasted(f"phone,name\n{A},{second}\n{A},Maria").lines[0].fault


cells = st.text('aЯ1 ;,\t"=<\u00a0\u2028', max_size=6)
people = st.lists(
    st.tuples(st.integers(70000000000, 79999999999), cells.map(str.strip), cells.map(str.strip)), min_size=1, max_size=8
)


@settings(max_examples=50)
@given(people=people, separator=st.sampled_from(";,\t"), ends=st.sampled_from(["\n", "\r\n"]))
def test_whatever_csv_writes_is_read_as_it_was(people: list[tuple[int, str, str]], separator: str, ends: str) -> None:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=separator, lineterminator=ends)
    writer.writerows([("phone", "name", "note"), *((f"+{phone}", *more) for phone, *more in people)])
    found = read("\ufeff" + file.getvalue())
    assert [(int(phone), payload.get("name", ""), payload.get("note", "")) for _, phone, payload in found] == people


@settings(max_examples=100)
@given(text=st.lists(st.text('+79;,\t\n"= sepAя.'), max_size=12).map("\n".join))
def test_no_text_makes_another_error_or_loses_a_line(text: str) -> None:
    try:
        found = read_pasted(text).lines
    except RejectedError:
        return
    assert all(isinstance(line, PastedLine) for line in found)
    numbers = [line.number for line in found]
    assert numbers == sorted({*numbers})
    plain = text.split("\n")
    said = {number for number, line in enumerate(plain, 1) if sum(c in "79" for c in line) >= 7 and '"' not in line}
    assert said <= {*numbers}, "a line with a number on it"
