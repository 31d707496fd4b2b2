"""Names of the world: they come out whole, at a size that fits, and are checked before issue."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.pdf import glyphs, render_document
from core.pdf.data import clean_text
from core.pdf.fonts import POINTS_PER_MM, em_width, fit
from core.pdf.glyphs import missing_glyphs, too_long_to_read
from tests.core.pdf.conformance import findings, text_of
from tests.core.pdf.samples import certificate

NAMES = {
    "Arabic": ("محمد عبد الرحمن الأنصاري", "ar"),
    "Hebrew": ("יעל בן־דוד", "he"),
    "Chinese": ("歐陽靜怡", "zh-Hant"),
    "Japanese": ("髙橋 直樹", "ja"),
    "Korean": ("김서연", "ko"),
    "Devanagari": ("श्रीमती लक्ष्मी कृष्णमूर्ति", "hi"),
    "Thai": ("สมชาย ศรีสุวรรณ", "th"),
    "Tamil": ("ஸ்ரீனிவாசன் இராமானுஜம்", "ta"),
    "Bengali": ("রবীন্দ্রনাথ ঠাকুর", "bn"),
    "Greek": ("Κωνσταντίνος Παπαδόπουλος", "el"),
    "Cyrillic": ("Александра Щербакова", "ru"),
    "Armenian": ("Արամ Խաչատրյան", "hy"),
    "Ethiopic": ("ሀብተ ገብርኤል", "am"),
    "Vietnamese": ("Nguyễn Thị Phượng Hoàng", "vi"),
    "decomposed": (unicodedata.normalize("NFD", "Nguyễn Thị Phượng Hoàng"), "vi"),
    "combining": ("Z̈oë Ọ̀ṣúnṣ̀ọlá Ẽ̱", "yo"),
    "emoji": ("Zoë 🎓 Ruiz", "en"),
    "Turkish": ("Yusuf Işık Uğurlu", "tr"),
    "mixed": ("Layla ليلى Haddad", "en"),
}
RIGHT_TO_LEFT = {"Arabic", "Hebrew"}
QUICK = ("Arabic", "Japanese", "Devanagari", "decomposed", "emoji")


def _letters(text: str) -> str:
    composed = unicodedata.normalize("NFC", text)
    return "".join(ch for ch in composed if not ch.isspace() and unicodedata.category(ch) != "Cf")


def _printed_whole(script: str, template: str) -> None:
    name, lang = NAMES[script]
    data = certificate(participant=name, participant_lang=lang)
    pdf = render_document(template, data)
    assert findings(pdf) == []
    assert _letters(name) in _letters(text_of(pdf, raw=script not in RIGHT_TO_LEFT))


@pytest.mark.parametrize("script", QUICK)
def test_a_name_of_the_world_is_printed_whole(script: str) -> None:
    _printed_whole(script, "certificate-quiet")


@pytest.mark.full
@pytest.mark.parametrize("template", ["certificate-engraved", "certificate-quiet"])
@pytest.mark.parametrize("script", NAMES)
def test_every_script_is_printed_whole_on_both_certificates(script: str, template: str) -> None:
    _printed_whole(script, template)


@pytest.mark.parametrize("script", NAMES)
def test_every_script_has_its_glyphs(script: str) -> None:
    assert missing_glyphs(NAMES[script][0]) == []


def test_a_character_without_glyph_is_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glyphs, "installed_fonts", tuple)
    glyphs._covered.cache_clear()
    try:
        assert missing_glyphs("Bob 骨骨 Łukasz ね") == ["骨", "ね"]
    finally:
        glyphs._covered.cache_clear()


def test_a_letter_that_is_newer_than_python_is_printed_or_named_and_never_left_out() -> None:
    ideograph, nobodys = "\U000323af", "\U0003fffd"  # of Unicode 15; of none yet
    assert clean_text(f"李{ideograph}{nobodys}") == f"李{ideograph}{nobodys}"
    assert missing_glyphs(f"李{nobodys}") == [nobodys]
    assert clean_text("A\ufdd0\uffff\U0001fffeB") == "AB"


def test_what_is_never_printed_is_not_missing() -> None:
    assert missing_glyphs("Ann\u202e\ue123\u200d\x00 Lee") == []


def test_control_bidi_and_private_characters_are_dropped() -> None:
    assert clean_text("A\x00nn\u202e \u2066Lee\u2069\ue123\ufeff\t\n") == "Ann Lee  "
    assert clean_text("علی\u200cرضا") == "علی\u200cرضا"
    assert clean_text("e\u0301") == "é"


def test_a_short_name_is_as_big_as_the_template_allows() -> None:
    assert fit("Maya Okonjo", "Newsreader_300Light.ttf", 166, 38, 27) == {"pt": 38, "lines": ["Maya Okonjo"]}


def test_a_long_name_is_set_on_two_balanced_lines() -> None:
    name = "Wilhelmina Konstantinopolskaya-Featherstonehaugh de la Vega y Montgomery-Ashworth"
    fitted = fit(name, "CormorantGaramond_600SemiBold.ttf", 233, 43, 30)
    assert " ".join(fitted["lines"]) == name
    widths = [em_width(line, "CormorantGaramond_600SemiBold.ttf") for line in fitted["lines"]]
    assert max(widths) / min(widths) < 1.6


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz AMWI'-éøł", min_size=1, max_size=90))
@settings(max_examples=60, deadline=None)
def test_a_fitted_name_is_never_wider_than_its_room(name: str) -> None:
    font = "CormorantGaramond_600SemiBold.ttf"
    fitted = fit(name, font, 166, 43, 30, smallest=1)
    widest = max(em_width(line, font) for line in fitted["lines"])
    assert widest * fitted["pt"] <= 166 * POINTS_PER_MM


def test_kerning_counts() -> None:
    font = "EBGaramond_600SemiBold.ttf"
    assert em_width("AVAVAVA", font) < 7 * em_width("A", font)


def test_a_name_too_long_to_read_is_told_before_issue() -> None:
    assert not too_long_to_read(
        "Maximiliana Konstantina Featherstonehaugh-Cholmondeley of Wolfeschlegelstein"
    )
    assert too_long_to_read("M" * 60)
    assert too_long_to_read("Ann Lee " * 20)
