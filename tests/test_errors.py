"""Errors are sentences that know what they were made of."""

from __future__ import annotations

import pickle

import pytest

from impasto import errors
from impasto.errors import (
    Argument,
    ImpastoError,
    Message,
    MissingFileError,
    OutputError,
    did_you_mean,
    joined,
)


def test_an_error_carries_its_id_and_values():
    error = OutputError(
        "{path} exists; add {overwrite}", path="a{0}.png", overwrite=Argument("overwrite=True")
    )
    assert str(error) == "a{0}.png exists; add overwrite=True"
    assert error.id == "{path} exists; add {overwrite}"
    assert error.values["path"] == "a{0}.png"
    assert error.values["overwrite"].option == "--overwrite"


@pytest.mark.parametrize(
    "kind", [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, ImpastoError)]
)
def test_every_kind_of_error_is_made_and_pickled_alike(kind):
    error = kind("{count} of {size:.1f}", count=3, size=2.25)
    for same in (error, pickle.loads(pickle.dumps(error))):
        assert str(same) == "3 of 2.2"
        assert (same.id, same.values) == ("{count} of {size:.1f}", {"count": 3, "size": 2.25})


def test_a_plain_sentence_may_hold_braces():
    error = MissingFileError("there is no file {a}.png")
    assert (str(error), error.id, error.values) == (
        "there is no file {a}.png",
        "there is no file {a}.png",
        {},
    )


def test_a_message_is_a_text_that_can_be_kept():
    message = Message("{name} has {count} frames", name="a.gif", count=3)
    assert message == "a.gif has 3 frames"
    again = pickle.loads(pickle.dumps(message))
    assert (again, again.id, again.values) == (message, message.id, message.values)


def test_sentences_that_are_joined_keep_their_ids():
    parts = Message("{name} is small", name="a.gif"), "", Message("it is gray"), "it is old"
    whole = joined(parts)
    assert whole == "a.gif is small; it is gray; it is old"
    assert whole.values["first"].id == "{name} is small"
    assert whole.values["others"].values["first"].id == "it is gray"
    assert (joined(parts[:2]), joined([])) == (parts[0], "")


def test_the_nearest_name_keeps_its_own_spelling():
    assert did_you_mean("swrils", ["mosaic", "swirls"]) == "; did you mean 'swirls'?"
    assert did_you_mean("vgg9", ["VGG19"]) == "; did you mean 'VGG19'?"
    assert did_you_mean("swrils", ["mosaic", "swirls"]).values == {"name": "swirls"}
    assert did_you_mean("xyz", ["mosaic"]) == ""


def test_an_argument_as_the_command_line_writes_it():
    assert Argument("max_size").option == "--max-size"
    assert Argument("overwrite=True").option == "--overwrite"
    assert Argument("max_size=512").option == "--max-size 512"
