from __future__ import annotations

from parley.errors import ErrorCode, Rejected
from parley.node.program import Output, Tone
from parley.testing.output import KeptOutput


def speak(output: Output) -> None:
    output.line("hello", Tone.GOOD)
    output.line()
    output.table(("name", "number"), [("a", 1), ("b", None)], title="Table")
    output.item({"x": 1}, "x is 1")
    output.result([1, 2])
    output.document({"only": "programs"})
    output.refuse(Rejected(ErrorCode.NOT_FOUND))
    with output.progress("working", total=2) as progress:
        progress.advance(1, "half")


def test_people_see_lines() -> None:
    kept = KeptOutput()
    speak(kept)
    assert kept.lines == ["hello", "", "Table", "name\tnumber", "a\t1", "b\tNone", "x is 1", "[1, 2]"]
    assert kept.documents == []
    assert kept.refusals == [Rejected(ErrorCode.NOT_FOUND)]


def test_programs_see_documents() -> None:
    kept = KeptOutput(is_json=True)
    speak(kept)
    assert kept.lines == []
    assert kept.documents == [{"x": 1}, [1, 2], {"only": "programs"}]
