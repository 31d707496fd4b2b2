"""A process that does random moves, beside others: ``python -m tests.students.mover CAST SEED STEPS``.

It ends with an error at anything but a rule's refusal, and else writes what it did as one line of JSON.
"""

import json
import random
import sys
from collections.abc import Callable

from app import create_app
from core.database import db
from tests.students.moves import Cast, Moves

CODES = ("", "", "ONCE", "TWICE")


def choose(moves: Moves, dice: random.Random) -> Callable[[], None]:
    """The next move. Time passes now and then; a class is never cancelled, or soon nothing would be left to do."""

    def pick() -> int:
        return dice.randrange(10_000)

    flip = dice.random() < 0.5
    choices: list[tuple[int, Callable[[], None]]] = [
        (6, lambda: moves.enroll(pick(), pick(), flip, dice.choice(CODES))),
        (4, lambda: moves.withdraw(pick(), flip)),
        (3, lambda: moves.answer(pick(), flip)),
        (2, lambda: moves.decide(pick(), flip)),
        (1, lambda: moves.promote(pick(), "Travels far" if flip else "", dice.random() < 0.5)),
        (2, lambda: moves.transfer(pick(), pick(), flip, "Ill")),
        (1, lambda: moves.reinstate(pick())),
        (2, lambda: moves.resize(pick(), dice.randrange(6))),
        (1, lambda: moves.book(pick(), dice.randrange(1, 3))),
        (1, lambda: moves.name(pick(), pick())),
        (1, lambda: moves.give_back(pick())),
        (2, lambda: moves.pay(pick(), dice.randrange(1, 90_000))),
        (1, lambda: moves.pay_back(pick())),
        (1, lambda: moves.take_off(pick(), dice.randrange(1, 20_000))),
        (1, lambda: moves.correct(pick())),
        (1, lambda: moves.invoice(pick())),
        (1, lambda: moves.time_passes(dice.choice([1, 12, 49]))),
    ]
    weights, acts = zip(*choices, strict=True)
    chosen: Callable[[], None] = dice.choices(acts, weights)[0]
    return chosen


def main() -> None:
    """Act, then say how much was done and refused."""
    cast, seed, steps = Cast(**json.loads(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3])
    dice = random.Random(seed)
    with create_app().app_context():
        moves = Moves(db.session, cast)
        for _step in range(steps):
            choose(moves, dice)()
        db.session.rollback()
    print(json.dumps({"done": moves.done, "refused": len(moves.refused)}))


if __name__ == "__main__":
    main()
