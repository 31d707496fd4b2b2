"""Health claims in course text."""

import pytest

from courses.claims import health_claims, new_claims


@pytest.mark.parametrize(
    "text",
    [
        "Craniosacral therapy treats migraines.",
        "It cures chronic fatigue",
        "A gentle way of HEALING trauma",
        "Learn to alleviate pain and dysfunction.",
        "Relief from headaches after one session",
        "Pain alleviation",
        "Improved immune system function",
        "Tension release",
        "Not only treats pain, it does so gently.",
        "Helps with insomnia.",
        "You will learn techniques. They relieve TMJ disorders.",
        "Craniosacral therapy has been successfully used to treat headaches, nervous system disorders, and stress.",
        "Healing, alleviating a range of illness and dysfunction, including chronic pain",
        "Release of tissue and bone restrictions, improving mobility",
    ],
)
def test_an_effect_on_a_condition_is_found(text: str) -> None:
    assert len(health_claims(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Four days of hands-on practice in palpating the craniosacral rhythm.",
        "A relaxing, gentle course in light touch.",
        "Recognise when the techniques must not be given or received, and say so kindly.",
        "Document a decision not to treat.",
        "When Not to Treat",
        "Craniosacral therapy does not treat pain.",
        "We make no claim to heal any illness.",
        "It never cures disease.",
        "Contraindications: recent skull fracture, severe systemic infection.",
        "Sense direction and ease in tissue.",
        "Perform five regional releases.",
        "Describe pain scales. Treat your partner with respect.",
        "Stress is a topic of day two. Healing is a word we avoid.",
    ],
)
def test_what_is_taught_is_no_claim(text: str) -> None:
    assert health_claims(text) == []


def test_a_claim_names_its_sentence_and_its_words() -> None:
    (claim,) = health_claims("Two quiet days. This work relieves\n  back pain for good. Bring a towel.")
    assert claim.sentence == "This work relieves back pain for good"
    assert (claim.effect, claim.condition) == ("relieves", "pain")


def test_a_sentence_that_stood_there_before_is_not_told_again() -> None:
    old = "This relieves pain. Bring a towel."
    assert new_claims([old], known=[old]) == []
    assert [c.sentence for c in new_claims([old + " It cures colic."], known=[old])] == ["It cures colic"]
    assert len(new_claims(["It cures colic.", "It cures colic."])) == 1
