"""What a batch makes of what is named: photos, styles, tables, and the names of its pictures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conftest import make_desk
from impasto.cli.options import parsed
from impasto.errors import ImpastoError, MissingFileError, OutputError, SettingError
from impasto.runs.batch.entries import Choice, entries_of, find_rows
from impasto.runs.batch.outputs import check_places, outputs_of
from impasto.runs.batch.tables import read_table


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos" / "deep").mkdir(parents=True)
    names = ("photos/p10.png", "photos/p2.jpg", "photos/deep/p1.png", "a.png", "b.png")
    make_desk(tmp_path, names)
    (tmp_path / "photos" / "notes.txt").write_text("no photo")
    (tmp_path / "photos" / ".hidden.png").write_bytes(b"")
    return tmp_path


def photos(*names, ours=frozenset()):
    return [row.photo for row in find_rows(names, parsed, ours)]


def choice(*styles, combination="product", **settings):
    return Choice(styles=styles, combination=combination, settings=settings)


def test_folders_files_and_patterns(desk):
    assert photos("photos") == ["photos/p2.jpg", "photos/p10.png"]
    assert photos("photos/p10.png", "photos/p2.jpg") == ["photos/p10.png", "photos/p2.jpg"]
    assert photos("photos/**/*.png") == ["photos/deep/p1.png", "photos/p10.png"]
    assert photos("photos/notes.txt") == ["photos/notes.txt"]  # named itself, it will be told what is wrong
    with pytest.raises(MissingFileError, match=r"no file matches photos/\*\.webp"):
        photos("photos/*.webp")
    (desk / "empty").mkdir()
    with pytest.raises(SettingError, match="there is no photo in what was named"):
        photos("empty")


def test_what_a_batch_has_made_is_not_painted_again(desk):
    assert photos("photos", ours=frozenset([desk / "photos" / "p2.jpg"])) == ["photos/p10.png"]


def pairs_of(entries):
    return [(e.photo.name, "+".join(str(s.source) for s in e.inputs.styles)) for e in entries]


def test_products_pairs_and_blends(desk):
    rows = find_rows(["photos"], parsed)
    product = entries_of(rows, choice("a.png", "b.png"))
    assert pairs_of(product) == [
        ("p2.jpg", "a.png"), ("p2.jpg", "b.png"), ("p10.png", "a.png"), ("p10.png", "b.png"),
    ]  # fmt: skip
    assert [entry.number for entry in product] == [1, 2, 3, 4]
    pairs = entries_of(rows, choice("a.png", "b.png", combination="pairs"))
    assert pairs_of(pairs) == [("p2.jpg", "a.png"), ("p10.png", "b.png")]
    blend = entries_of(rows, choice("a.png:2", "b.png", combination="blend"))
    assert pairs_of(blend) == [("p2.jpg", "a.png+b.png"), ("p10.png", "a.png+b.png")]
    assert [style.weight for style in blend[0].inputs.styles] == [2, 1]
    with pytest.raises(SettingError, match="pairs need as many styles as photos, not 1 for 2"):
        entries_of(rows, choice("a.png", combination="pairs"))
    with pytest.raises(SettingError, match="combine must be one of product, pairs, blend, not 'all'"):
        entries_of(rows, choice("a.png", combination="all"))
    with pytest.raises(SettingError, match="a batch needs a style"):
        entries_of(rows, choice())


def test_a_table_of_comma_separated_values(desk):
    (desk / "photos" / "list.csv").write_text(
        "photo,style,strength,iterations,output\n"
        "p2.jpg,a.png:2; b.png,70%,\"5,5\",x.png\n"
        "p10.png,,,,\n"
    )  # fmt: skip
    entries = entries_of(find_rows(["photos/list.csv"], parsed), choice("swirls", strength=20, max_size=64))
    first, second = entries
    assert (first.inputs.content, first.output, first.settings.strength) == ("photos/p2.jpg", "x.png", 70)
    assert first.settings.iterations == (5, 5)
    assert [(s.source, s.weight) for s in first.inputs.styles] == [("a.png", 2.0), ("b.png", 1.0)]
    assert (second.settings.strength, second.settings.max_size) == (20, 64)
    assert pairs_of([second]) == [("p10.png", "swirls")]


def test_a_table_of_objects(desk):
    lines = [
        {"photo": "photos/p2.jpg", "style": ["a.png", "b.png:3"], "settings": {"strength": 5}},
        {"photo": "photos/p10.png", "style": "swirls", "output": "y.jpg"},
    ]
    (desk / "list.jsonl").write_text("\n\n".join(map(json.dumps, lines)) + "\n")
    first, second = entries_of(find_rows(["list.jsonl"], parsed), choice())
    assert (pairs_of([first]), first.settings.strength) == ([("p2.jpg", "a.png+b.png")], 5)
    assert (pairs_of([second]), second.output) == ([("p10.png", "swirls")], "y.jpg")


WRONG_TABLES = [
    ("l.csv", "photo,strenght\na.png,5\n", r"l\.csv, line 2: there is no column 'strenght'"),
    ("l.csv", "style\nswirls\n", r"l\.csv, line 2: photo must name a file"),
    ("l.csv", "photo\na.png,b.png\n", r"l\.csv, line 2: there are more cells than columns"),
    ("l.csv", "photo,style,strength\na.png,b.png,500\n", r"l\.csv, line 2: strength must be"),
    ("l.jsonl", '{"photo": "a.png"\n', r"l\.jsonl, line 1: there must be an object such as"),
    ("l.jsonl", '\n{"photo": "a.png", "styles": "b.png"}\n', r"2: there is no column 'styles'; did"),
    ("l.jsonl", '{"photo": "a.png", "strength": 3}\n', r"'strength'; settings belong in the table settings"),
    ("l.jsonl", '{"photo": ' * 2000, r"l\.jsonl, line 1: there must be an object such as"),
    ("l.jsonl", '{"photo": "a.png", "style": 5}\n', r"line 1: style must be a text or a list of texts"),
    ("l.jsonl", '{"photo": "a.png", "style": "b.png", "settings": {"a": 1}}', r"no setting 'a'"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "sentence"), WRONG_TABLES)
def test_wrong_tables_are_refused_with_their_line(desk, name, text, sentence):
    (desk / name).write_text(text)
    with pytest.raises(SettingError, match=sentence):
        entries_of(find_rows([name], parsed), choice("swirls"))


def test_a_table_that_is_no_text_is_one_sentence(desk):
    (desk / "l.csv").write_bytes(b"\xff\xfe\x00photo")
    with pytest.raises(SettingError, match=r"the table l\.csv cannot be read"):
        read_table(Path("l.csv"), parsed)


def named(desk, pattern, *styles, **settings):
    entries = entries_of(find_rows(["photos"], parsed), choice(*styles, **settings))
    return [str(path.relative_to(desk)) for path in outputs_of(entries, desk, pattern)]


def test_patterns(desk):
    assert named(desk, None, "a.png") == ["p2-a.png", "p10-a.png"]
    assert named(desk, "{style}/{name}.jpg", "swirls") == ["swirls/p2.jpg", "swirls/p10.jpg"]
    assert named(desk, "{folder}-{number:03d}", "a.png") == ["photos-001.png", "photos-002.png"]
    assert named(desk, "{name}-{strength}.webp", "a.png", strength=7.5) == ["p2-7.5.webp", "p10-7.5.webp"]
    assert named(desk, "v1.2-{name}", "a.png") == ["v1.2-p2.png", "v1.2-p10.png"]


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("{styel}.jpg", r"a pattern may have .* in braces, not 'styel'; did you mean 'style'"),
        ("{name.jpg", r"is written wrongly"),
        ("{}.jpg", r"is written wrongly"),
        ("{name:d}.jpg", r"is written wrongly"),
        ("{style}.jpg", r"photos/p2\.jpg \(a\) and photos/p10\.png \(a\) would both be written to .*a\.jpg"),
    ],
)
def test_wrong_patterns_and_names_that_collide(desk, pattern, sentence):
    with pytest.raises(SettingError, match=sentence):
        named(desk, pattern, "a.png")


@pytest.mark.parametrize("name", ["../{name}", "/tmp/{name}", "a/../../{name}", ".."])
def test_no_picture_lies_outside_the_folder(desk, name):
    with pytest.raises(SettingError, match="lies outside"):
        named(desk, name, "a.png")
    row = {"photo": "photos/p2.jpg", "style": "swirls", "output": name}
    Path("t.jsonl").write_text(json.dumps(row))
    entries = entries_of(find_rows(["t.jsonl"], parsed), choice())
    with pytest.raises(SettingError, match=r"lies outside out; a pattern and a table's outputs"):
        outputs_of(entries, Path("out"), None)
    Path("t.jsonl").write_text(json.dumps({**row, "output": "a/../b.png"}))
    entries = entries_of(find_rows(["t.jsonl"], parsed), choice())
    assert outputs_of(entries, Path("out"), None) == [Path("out/b.png")]


def test_places_are_checked_before_anything_is_computed(desk):
    entries = entries_of(find_rows(["photos"], parsed), choice("a.png"))

    def check(pattern, allowed=False):
        paths = outputs_of(entries, desk, pattern)
        check_places(zip(entries, paths, strict=True), lambda path: allowed)

    check("new/deeper/{name}.png")
    assert (desk / "new" / "deeper").is_dir()
    with pytest.raises(OutputError, match=r"p2\.jpg is a picture that the batch reads"):
        check("photos/{name}.jpg", allowed=True)
    (desk / "p10.webp").write_text("there")
    with pytest.raises(OutputError, match=r"p10\.webp already exists"):
        check("{name}.webp")
    check("{name}.webp", allowed=True)
    with pytest.raises(ImpastoError, match=r"must end in one of .*, not '\.gif'"):
        check("{name}.gif")
    with pytest.raises(OutputError):
        check("a.png/{name}.png")
