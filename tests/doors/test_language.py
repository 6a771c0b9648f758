"""The command in Chinese: every message has a translation, and the reader gets it."""

from __future__ import annotations

import re
import string
import sys
from pathlib import Path

import pytest

from impasto.language import LOCALE

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tools.messages import catalogue, compiled, wanted

PO = LOCALE / "zh_CN" / "LC_MESSAGES" / "impasto.po"


def test_every_message_is_translated():
    messages = catalogue(PO)
    assert sorted(text for text in wanted() if not messages.get(text)) == []


def test_translations_tell_the_same_values():
    for message, text in catalogue(PO).items():
        if message not in ("", "[default: {}]"):
            names, told = ({part[1] for part in string.Formatter().parse(t)} for t in (message, text))
            assert told - {None} <= names - {None}, message


def test_punctuation_is_full_width():
    for message, text in catalogue(PO).items():
        if message:
            assert not re.search(r"[\u4e00-\u9fff][,;:?!()]", text), text


def test_the_compiled_catalogue_is_the_current_one():
    assert PO.with_suffix(".mo").read_bytes() == compiled(catalogue(PO))


@pytest.mark.parametrize("how", [("--lang", "zh"), ("--lang=zh_CN",), ()])
def test_errors_are_in_the_readers_language(impasto, monkeypatch, tmp_path, how):
    monkeypatch.chdir(tmp_path)
    if not how:
        monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    code, _, err = impasto("photo.png", "swirls", "--strength", "300", *how)
    assert (code, err) == (2, "impasto：--strength 必须是 0 到 100 之间的数字，而不是 300。\n")


def test_help_is_in_the_readers_language_and_english_again_afterwards(impasto):
    for command, said in (("stylize", "长边"), ("train", "学习"), ("export", "其他程序")):
        assert said in impasto(command, "--help", "--lang", "zh")[1]
    out = impasto("stylize", "--help")[1]
    assert "Longest side" in out
    assert not re.search(r"[\u4e00-\u9fff]", out)


def test_a_language_that_is_not_there_is_one_sentence(impasto):
    code, _, err = impasto("presets", "--lang", "zz")
    assert code == 2
    assert err == "impasto: --lang must be one of en, zh, not 'zz'; did you mean 'zh'?\n"
