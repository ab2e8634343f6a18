"""A file becomes a document, or is refused with a sentence that says why."""

import json
from contextlib import suppress

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from debates.exceptions import InvalidInput
from debates.services.documents import MAX_CHARACTERS, read_upload
from debates.services.faults import is_storable
from tests.support.pdf_files import make_pdf

PARAGRAPH = "The tram cut traffic by a tenth. It cost more than the council had planned."


def refusal(**upload: object) -> str:
    with pytest.raises(InvalidInput) as refused:
        read_upload(**upload)  # type: ignore[arg-type]
    assert refused.value.fields == (("documents", str(refused.value)),)
    return str(refused.value)


def test_a_text_is_read_word_for_word() -> None:
    document = read_upload(name="tram.txt", content=PARAGRAPH.encode())
    assert (document.title, document.text, document.source) == ("tram.txt", PARAGRAPH, "tram.txt")


def test_a_markdown_heading_becomes_the_title() -> None:
    document = read_upload(name="notes.md", content=b"# The tram #\n\nIt runs.\n")
    assert document.title == "The tram"
    assert document.text == "# The tram #\n\nIt runs."


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("stops.csv", b"stop,passengers\nMarket,120\nStation,480\n"),
        ("tram.json", json.dumps({"length_km": 4.2}).encode()),
        ("LICENSE", b"Do as you like."),
    ],
)
def test_text_of_any_kind_is_accepted(name: str, content: bytes) -> None:
    assert read_upload(name=name, content=content).text == content.decode().strip()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_the_usual_encodings_are_understood(encoding: str) -> None:
    text = "Der Zug fährt „pünktlich“ – für 3 €."
    assert read_upload(name="zug.txt", content=text.encode(encoding)).text == text


def test_line_ends_are_those_of_unix() -> None:
    assert read_upload(name="a.txt", content=b"one\r\ntwo\rthree").text == "one\ntwo\nthree"


@pytest.mark.parametrize("name", ["../../etc/passwd", "C:\\Users\\alice\\passwd", "pass\x00wd"])
def test_a_path_is_cut_down_to_its_name(name: str) -> None:
    assert read_upload(name=name, content=b"text").source == "passwd"


@pytest.mark.parametrize("content", [b"", b"  \n\t ", b"\xef\xbb\xbf", " ".encode("utf-16")])
def test_an_empty_file_is_refused(content: bytes) -> None:
    assert refusal(name="empty.txt", content=content) == "“empty.txt” is empty."


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("photo.png", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"),
        ("data.bin", bytes(range(256))),
        ("half.txt", b"text\x00text"),
        ("letter.docx", b"PK but otherwise plain"),
    ],
)
def test_what_is_no_text_is_refused(name: str, content: bytes) -> None:
    message = refusal(name=name, content=content)
    assert message == f"“{name}” is not a text. Give a text, Markdown, CSV, JSON or PDF file."


def test_a_file_over_the_limit_is_refused() -> None:
    limit = settings.ARAGORA.max_upload_bytes
    message = refusal(name="long.txt", content=b"a" * (limit + 1))
    assert message == (f"“long.txt” is too large: {limit + 1:,} bytes, and {limit:,} are allowed.")


@given(st.binary(max_size=300).filter(lambda content: b"%PDF-" not in content))
def test_bytes_give_a_storable_document_or_a_refusal(content: bytes) -> None:
    with suppress(InvalidInput):
        document = read_upload(name="file", content=content)
        assert document.text.strip()
        assert is_storable(document.text)
        assert len(document.text) <= MAX_CHARACTERS


# --- PDF ---------------------------------------------------------------------------------------


def test_the_text_of_a_pdf_is_read() -> None:
    content = make_pdf(["The tram cut traffic", "by a tenth."], ["It cost more than planned."])
    document = read_upload(name="tram.pdf", content=content)
    assert document.text == "The tram cut traffic\nby a tenth.\n\nIt cost more than planned."
    assert document.title == "tram.pdf"


def test_words_broken_over_lines_are_joined() -> None:
    content = make_pdf(["The council discussed infor-", "mation about the tram."])
    assert "information about" in read_upload(name="tram.pdf", content=content).text


def test_a_pdf_is_known_by_its_bytes_whatever_its_name_is() -> None:
    content = make_pdf(["The tram cut traffic by a tenth."])
    assert "tram" in read_upload(name="tram.txt", content=content).text


def test_a_pdf_of_pictures_is_refused() -> None:
    message = refusal(name="scan.pdf", content=make_pdf([]))
    assert message == (
        "“scan.pdf” has no text in it. If it was scanned, run text recognition over it first."
    )


def test_a_pdf_with_a_password_is_refused() -> None:
    content = make_pdf(["The tram cut traffic by a tenth."], password="secret")
    message = refusal(name="locked.pdf", content=content)
    assert message == "“locked.pdf” is encrypted. Remove the password and give it again."


def test_a_pdf_that_only_forbids_printing_is_read() -> None:
    content = make_pdf(["The tram cut traffic by a tenth."], password="")
    assert "tram" in read_upload(name="tram.pdf", content=content).text


def test_a_pdf_of_too_many_pages_is_refused() -> None:
    message = refusal(name="book.pdf", content=make_pdf(*[["Page."]] * 501))
    assert message == "“book.pdf” has 501 pages, and 500 are allowed."


@pytest.mark.parametrize("content", [b"%PDF-1.7\n", b"%PDF-1.4\ntrailer << /Root 1 0 R >>\n%%EOF"])
def test_a_damaged_pdf_is_refused(content: bytes) -> None:
    message = refusal(name="torn.pdf", content=content)
    assert message == "“torn.pdf” is not a PDF that can be read. It may be damaged."


def test_a_pdf_that_unpacks_to_too_much_is_refused() -> None:
    bomb = make_pdf(["The tram cut traffic by a tenth. " * 5] * 10_000)
    assert len(bomb) < 100_000
    assert "is too long" in refusal(name="bomb.pdf", content=bomb)
