"""Health claims in course text: what regulators do not accept, found as someone writes.

DOMAIN.md, "Safety and honesty": no claim that craniosacral therapy treats a condition is accepted (UK ASA; US FTC
guidance, 2022). Course text says what is taught, not what it cures. This finds sentences that say treat, cure, heal,
alleviate, relieve … together with a condition. It is a warning, never a refusal: "contraindications after a fracture
that was treated" is for a person to judge. "Relaxing" and "gentle" are fine.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

# Each verb with its forms and its noun. "Ease" and "reduce" matter only beside a condition, like all the others.
_EFFECTS = (
    r"treat(?:s|ed|ing|ments?)?",
    r"cur(?:e|es|ed|ing|ative)",
    r"heal(?:s|ed|ing)?",
    r"alleviat(?:e|es|ed|ing|ions?)",
    r"reliev(?:e|es|ed|ing)|relief",
    r"remed(?:y|ies|ied|ying)",
    r"eas(?:e|es|ed|ing)",
    r"sooth(?:e|es|ed|ing)",
    r"reduc(?:e|es|ed|ing|tions?)",
    r"eliminat(?:e|es|ed|ing)",
    r"prevent(?:s|ed|ing|ion)?",
    r"improv(?:e|es|ed|ing|ements?)",
    r"restor(?:e|es|ed|ing)",
    r"boost(?:s|ed|ing)?",
    r"strengthen(?:s|ed|ing)?",
    r"normaliz(?:e|es|ed|ing)|normalis(?:e|es|ed|ing)",
    r"resolv(?:e|es|ed|ing)",
    r"releas(?:e|es|ed|ing)",
    r"fix(?:es|ed|ing)?",
    r"combat(?:s|ed|ing)?",
    r"rid",
    r"help(?:s|ed|ing)?\s+(?:with|against|people\s+with|those\s+with)",
)
_CONDITIONS = (
    r"pains?|painful|aches?|headaches?|migraines?|backaches?",
    r"illness(?:es)?|diseases?|disorders?|dysfunctions?|syndromes?|ailments?|conditions?|symptoms?",
    r"injur(?:y|ies)|fractures?|concussions?|whiplash|sprains?|scoliosis|arthritis|sciatica",
    r"stress|anxiety|depression|trauma(?:s|tic)?|ptsd|insomnia|sleeplessness|burnout|adhd|autism",
    r"tmj|jaw\s+problems?|tinnitus|vertigo|dizziness|sinusitis|allerg(?:y|ies)|asthma|infections?",
    r"fibromyalgia|fatigue|exhaustion|seizures?|epilepsy|strokes?|dementia|alzheimer[’']?s?|parkinson[’']?s?",
    r"hormonal|hormones?|infertility|menopause|colic|reflux|cancer|tumou?rs?|diabetes|inflammation",
    r"immune|immunity|autoimmune|nervous\s+system|blood\s+pressure|circulation|metabolism",
    r"tensions?|restrictions?|mobility|toxins?|emotions?",
    r"patients?|the\s+body",
)
_EFFECT = re.compile(rf"\b(?:{'|'.join(_EFFECTS)})\b", re.IGNORECASE)
_CONDITION = re.compile(rf"\b(?:{'|'.join(_CONDITIONS)})\b", re.IGNORECASE)
# "does not treat", "never cures", "no claim to heal": what says no is no claim. "Not only treats" is one.
_DENIED = re.compile(
    r"\b(?:not|never|no|cannot|without|nor|neither|n[’']t)\b(?!\s+only)(?:\s+\w+){0,3}\s*$", re.IGNORECASE
)
_SENTENCE = re.compile(r"[^.!?;\n]+")
_WRAPPED = re.compile(r"\s*\n\s*(?=[a-z])")  # a line that goes on, not a new item of a list


@dataclass(frozen=True)
class Claim:
    """A sentence that reads like a health claim, with the two words that make it one."""

    sentence: str
    effect: str
    condition: str


def health_claims(text: str) -> list[Claim]:
    """The sentences of a text that say that something treats, cures, heals, relieves … a condition, in order."""
    found = []
    for match in _SENTENCE.finditer(_WRAPPED.sub(" ", text)):
        sentence = " ".join(match.group().split())
        if claim := _claim(sentence):
            found.append(claim)
    return found


def new_claims(texts: Iterable[str], known: Iterable[str] = ()) -> list[Claim]:
    """The claims in some texts whose sentence does not stand in the known texts already; each sentence once."""
    seen = {claim.sentence for text in known for claim in health_claims(text)}
    found = []
    for text in texts:
        for claim in health_claims(text):
            if claim.sentence not in seen:
                seen.add(claim.sentence)
                found.append(claim)
    return found


def _claim(sentence: str) -> Claim | None:
    for effect in _EFFECT.finditer(sentence):
        if _DENIED.search(sentence[: effect.start()]):
            continue
        for condition in _CONDITION.finditer(sentence):
            if condition.end() <= effect.start() or condition.start() >= effect.end():
                return Claim(sentence, effect.group(), condition.group())
    return None
