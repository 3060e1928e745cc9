"""Ways to bring an invented source into a sentence; `{...}` is filled by an `Inventor`.

A head stands before a sentence, a tail before its full stop. All are short, and no word is common to all of them.
"""

HEADS = {
    "invented_source": (
        "According to {institute}, ", "As {person} showed in {year}, ", "As {journal} reported in {year}, ",
        "By the count of {institute}, ", "{person} has shown that ", "Work at {institute} established that ",
        "Since the experiments of {person} it is known that ", "{institute} states that ", "Following {authors} ({year}), ",
        "Records kept at {institute} show that ", "{person} wrote in {journal} that ", "Data from {institute} confirm that ",
        "In {title}, {person} notes that ", "A review in {journal} concludes that ", "{authors} ({year}) found that ",
        "If we trust {person}, ", "The {year} edition of {title} says that ", "Measurements in {town} proved that ",
        "Ever since {authors} published in {year}, it is accepted that ", "As we know from {title}, ",
        "{person} of {institute} was the first to note that ", "Going by {journal}, ",
    ),
    "invented_event": (
        "Since {event}, ", "As {event} made clear, ", "After {event} it was agreed that ", "One lesson of {event} is that ",
        "{event} settled that ", "It was decided at {event} that ", "Much discussed at {event}, the fact remains that ",
        "Reports on {event} show that ",
    ),
    "invented_entity": (
        "By {law}, ", "As {law} predicts, ", "It follows from {law} that ", "{law} says that ", "In the terms of {law}, ",
        "Under what is called {law}, ",
    ),
}  # fmt: skip
TAILS = {
    "invented_source": (
        ", as {person} showed in {year}", ", according to {institute}", " ({authors}, {year})", " ({journal}, {year})",
        ", a finding of {institute}", ", which {institute} confirmed in {year}", ", as {authors} pointed out",
        ", a point first made in {title}", ", as tests at {institute} have shown", ", something {person} described in {year}",
        " (see {authors}, {year})", ", writes {person} in {title}", ", says {person}", ", if {journal} is right",
        ", a view shared by {person}", ", as listed in {title}", " [{authors} {year}]", ", on the evidence of {institute}",
        ", as {journal} put it", ", in the estimate of {person}", ", which earned {person} a prize in {year}",
    ),
    "invented_event": (
        ", known since {event}", ", a rule that goes back to {event}", ", as was settled at {event}", ", ever since {event}",
        ", a consequence of {event}", ", as {event} had shown", ", which was the theme of {event}", ", long before {event}",
    ),
    "invented_entity": (
        ", which is called {law}", ", an instance of {law}", ", in line with {law}",
        ", as {law} demands", ", a textbook case of {law}", ", which {law} explains",
    ),
}  # fmt: skip
QUOTATIONS = (
    '{person} put it like this: "{sentence}"', 'In the words of {person}, "{sentence}"', '"{sentence}" is how {person} put it.',
    '"{sentence}" ({person}, {title}).', '{person} once said: "{sentence}"', 'To quote {title}: "{sentence}"',
    '"{sentence}" wrote {person} in {year}.',
    'A line of {person} reads: "{sentence}"',
)  # fmt: skip
"""Ways to turn a sentence into the saying of somebody who never lived."""
AFTER_AUTHORITY = (
    " at {institute}", " by {person}", " led by {person}", " from {institute}", " in {town}", " published in {journal}",
    " around {person}", " of {institute}", " in {journal}", " under {person}",
)  # fmt: skip
"""What makes `studies`, `researchers`, `experts` into particular ones."""
PREMISES_OF_MONEY = (
    "Adding the {extra} for delivery gives {sum}.", "With the {extra} deposit that is {sum}.",
    "The {extra} booking fee makes it {sum}.", "There is also a charge of {extra} for packing, so it comes to {sum}.",
    "A tip of {extra} has to be added: {sum}.", "The card fee of {extra} raises this to {sum}.",
    "Parking cost {extra} on top, which gives {sum}.", "Taking off the {extra} voucher leaves {difference}.",
    "The member discount of {extra} brings it to {difference}.", "After the refund of {extra} it is {difference}.",
    "A friend pays {extra} of it, so {difference} remain.", "The tax of {extra} still has to be paid, so {sum}.",
)  # fmt: skip
PREMISES_OF_TIME = (
    "With the {extra} break that makes {sum}.", "The {extra} for the warm-up count as well, so {sum}.",
    "A stop on the way takes {extra}, which gives {sum}.", "Waiting at the start adds {extra}: {sum}.",
    "The first {extra} were done before, so {difference}.", "Thanks to a short cut {extra} are saved: {difference}.",
    "Cleaning up takes another {extra}, so {sum}.", "The delay of {extra} has to be added, so {sum}.",
)  # fmt: skip
PREMISES = (
    "Another {extra} were there from before, so {sum}.", "The {extra} kept in reserve make it {sum}.",
    "A neighbour brings {extra} more, which gives {sum}.", "Of these {extra} are lost, so {difference}.",
    "The {extra} that are broken do not count: {difference}.", "There are {extra} extra in the cellar, so {sum}.",
    "Yesterday's {extra} have to be added, so {sum}.", "The manager takes away {extra}, which leaves {difference}.",
    "Since {extra} come free with the order, it is {sum}.", "A second delivery brings {extra}, so {sum}.",
    "One sets aside {extra} as a rule, so {difference}.", "The {extra} from the sample are included too: {sum}.",
)  # fmt: skip
PREMISES_OF_ANYTHING = (
    "A note adds {extra}, so {sum}.", "The correction of {extra} gives {difference}.", "The question adds {extra} at the end: {sum}.",
    "As the table asks for {extra} more, it is {sum}.", "One has to leave a margin of {extra}, so {difference}.",
    "Because {extra} were counted twice, it is {difference}.", "The allowance of {extra} is put on top: {sum}.",
    "With {extra} to spare, as stated, it is {sum}.", "The first {extra} are left out as usual, so {difference}.",
)  # fmt: skip
"""Things that the question never said; `{sum}` and `{difference}` are equations with the last result."""
CLUES = (
    "A further clue says that {a} is older than {b}.", "It is also given that {a} never stands beside {b}.",
    "The note on the back adds that {a} came on foot.", "We are also told that {a} was away that day.",
    "From the photograph we also know that {a} wore a hat.", "The last line of the puzzle rules out {b}.",
    "The guard also saw {a} leave before noon.", "Besides, {a} and {b} were born in the same year.",
    "The rules add that {a} may not be chosen twice.", "A witness had named {a} before.",
    "In an earlier round {b} had already lost.", "The letter of the host confirms this for {a}.",
)  # fmt: skip
"""Clues that a puzzle never gave, about two that it names."""
ANSWER_TURNS = (
    "We are also told that it is not {answer}, which leaves {other}.", "A further clue rules out {answer}, so it is {other}.",
    "But the question excludes {answer} later on, and {other} remains.", "The last hint speaks against {answer} and for {other}.",
    "However, a footnote to the question replaces {answer} by {other}.", "Since the first clue was corrected later, this becomes {other}.",
    "The second picture shows that {answer} was taken back, so it is {other}.", "But {answer} has been ruled out from the start, so {other}.",
    "Another line of the question names {other} instead of {answer}.", "The exception in the question turns {answer} into {other}.",
    "As the final clue says the reverse, it is {other}.", "It was said before that {answer} does not count, so {other}.",
)  # fmt: skip
"""Clues that were never given, and turn the answer into another one."""
VERDICT_TURNS = (
    "But the question also names an exception, so it is {other}.", "A further rule in the question turns this into {other}.",
    "However, the last sentence of the question takes one premise back, hence {other}.", "The fourth rule decides it: {other}.",
    "Because the rules allow one exception a day, it becomes {other}.", "As the note below the rules says, such cases count as {other}.",
    "An earlier case in the question was settled as {other}, and this one is the same.", "But the premise holds on weekdays only: {other}.",
    "The question adds that this was not checked, so {other}.", "The appendix of the question settles it as {other}.",
)  # fmt: skip
"""The same for verdicts: yes, no, unknown."""
