"""Chapter 01: a generator runs when it is asked to; a pipeline does the asking."""


def test_by_hand_the_baker_says_whose_turn_it_is(lesson) -> None:
    lines = lesson("01")
    by_hand = lines[: lines.index("-- as a pipeline")]
    assert by_hand[:3] == ["-- by hand", "Ann sits down", "Bo sits down"]
    pairs = zip(by_hand[3::2], by_hand[4::2], strict=True)
    for number, (made, eaten) in enumerate(pairs, start=1):
        eater = "Ann" if number % 2 else "Bo"
        assert made == f"the baker makes baozi {number}"
        assert eaten == f"    {eater} eats baozi {number}"


def test_in_a_pipeline_the_baker_is_held_back(lesson) -> None:
    lines = lesson("01")
    pipeline = lines[lines.index("-- as a pipeline") + 1 :]
    made = [line for line in pipeline if "makes" in line]
    eaten = [line for line in pipeline if "ate" in line]
    assert len(made) == len(eaten) == 6
    assert {line.split()[0] for line in eaten} == {"Ann", "Bo"}
    ahead = 0
    for line in pipeline:
        ahead += 1 if line in made else -1
        # Two are being eaten, two are on the plate, one is in the baker's hand.
        assert ahead <= 5
