"""Names are whole English words; the glossary lists every short form that is allowed."""

from __future__ import annotations

import re

from tests.arch import rules
from tests.arch.sources import ROOT, from_text, package_sources

GLOSSARY = ROOT / "docs" / "reference" / "glossary.md"


def allowed_short_forms(text: str) -> frozenset[str]:
    """Read the first column of the table under the heading "Short forms"."""
    section = text.partition("## Short forms\n")[2].partition("\n## ")[0]
    return frozenset(re.findall(r"^\| `([a-z0-9]+)` \|", section, flags=re.MULTILINE))


def test_the_glossary_is_read_from_its_table() -> None:
    text = "## Short forms\n\n| short | long |\n|---|---|\n| `tx` | yes |\n\n## W\n\n| `pk` | no |\n"
    assert allowed_short_forms(text) == {"tx"}


def test_a_cut_off_word_is_found_in_every_kind_of_name() -> None:
    text = "def send_msg(reqCount):\n    self.addr = 1\n    MAX_AMT = 2\nclass TxIdx: ..."
    found = {finding.rpartition(" in ")[2] for finding in rules.short_forms(from_text(text), frozenset({"tx"}))}
    assert found == {"send_msg", "reqCount", "addr", "MAX_AMT", "TxIdx"}


def test_whole_words_that_hold_a_cut_off_one_are_lawful() -> None:
    assert rules.short_forms(from_text("def signature_of(message, address): ..."), frozenset()) == []


def test_names_of_the_package_are_whole_words() -> None:
    allowed = allowed_short_forms(GLOSSARY.read_text(encoding="utf-8"))
    findings = [finding for source in package_sources() for finding in rules.short_forms(source, allowed)]
    assert findings == []
